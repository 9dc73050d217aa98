//! Archives put together by hand, as their published descriptions say; members hold the five bytes "data\n" and are stored.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a helper of tests fails where it fails"
)]

use std::io::{Cursor, Read};

use disarm::Refused;
use form::job::Password;
use form::{Limits, Reason};

use crate::rooms::{self, Sanitised, sanitise};

pub const DATA: &[u8] = b"data\n";
/// Python: zlib.crc32(b"data\n")
const DATA_CRC32: u32 = 0xE6C1_C582;

pub fn fixture(name: &str) -> Vec<u8> {
    rooms::fixture(&format!("archives/{name}"))
}

pub fn made(name: &str) -> Sanitised {
    sanitise(&fixture(name), name).unwrap_or_else(|refused| panic!("{name}: {refused:?}"))
}

pub fn made_with(name: &str, passwords: &[&str]) -> Result<Sanitised, Refused> {
    let mut job = rooms::dirty_job(name, &Limits::default());
    job.passwords = passwords.iter().map(|word| Password::new(word).unwrap()).collect();
    rooms::sanitise_as(&fixture(name), &job)
}

/// Names and texts of the archive that came out, as the crate `zip` reads them.
pub fn contents(bytes: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut text = Vec::new();
            member.read_to_end(&mut text).unwrap();
            (String::from_utf8(member.name_raw().to_vec()).unwrap(), String::from_utf8_lossy(&text).into_owned())
        })
        .collect()
}

pub fn pair(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

pub fn refused(bytes: &[u8], name: &str) -> Reason {
    match sanitise(bytes, name) {
        Err(refused) => refused.refusal.reason,
        // As the engine has it: where nothing is left, the first reason is that of the whole.
        Ok(done) if !done.members.is_empty() && done.members.iter().all(|(_, outcome)| outcome.is_err()) => {
            done.members[0].1.as_ref().unwrap_err().reason
        }
        Ok(done) => panic!("{name} became {:?}", contents(&done.bytes)),
    }
}

pub fn member<'a>(done: &'a Sanitised, name: &str) -> &'a Sanitised {
    let found = done.members.iter().find(|(path, _)| path == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", done.members)).1.as_ref().unwrap()
}

pub fn withheld(done: &Sanitised, name: &str) -> Reason {
    let found = done.members.iter().find(|(path, _)| path == name);
    let outcome = &found.unwrap_or_else(|| panic!("no {name} in {:?}", done.members)).1;
    outcome.as_ref().map(|_| ()).unwrap_err().reason
}

/// POSIX.1-2017, pax, "ustar Interchange Format".
pub struct Tar {
    pub global: Vec<(&'static str, &'static str)>,
    pub members: Vec<TarMember>,
}

pub struct TarMember {
    pub name: Vec<u8>,
    pub flag: u8,
    pub pax: Vec<(&'static str, &'static str)>,
    pub sum_off_by: u32,
    pub empty_block_before: bool,
}

impl Tar {
    pub fn of(names: &[&str]) -> Tar {
        let member = |name: &&str| TarMember {
            name: name.as_bytes().to_vec(),
            flag: b'0',
            pax: Vec::new(),
            sum_off_by: 0,
            empty_block_before: false,
        };
        Tar { global: Vec::new(), members: names.iter().map(member).collect() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.global.is_empty() {
            block(&mut out, b"global", b'g', &records(&self.global), 0);
        }
        for member in &self.members {
            if member.empty_block_before {
                out.extend_from_slice(&[0; 512]);
            }
            if !member.pax.is_empty() {
                block(&mut out, b"pax", b'x', &records(&member.pax), 0);
            }
            block(&mut out, &member.name, member.flag, DATA, member.sum_off_by);
        }
        out.extend_from_slice(&[0; 1024]);
        out
    }
}

fn records(records: &[(&str, &str)]) -> Vec<u8> {
    let record = |(key, value): &(&str, &str)| {
        let rest = format!(" {key}={value}\n");
        // The length counts its own digits.
        let len = (1..4).map(|digits| rest.len() + digits).find(|len| len.to_string().len() + rest.len() == *len);
        format!("{}{rest}", len.unwrap())
    };
    records.iter().map(record).collect::<String>().into_bytes()
}

fn block(out: &mut Vec<u8>, name: &[u8], flag: u8, data: &[u8], sum_off_by: u32) {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    header[136..147].copy_from_slice(b"14602400000");
    header[148..156].fill(b' ');
    header[156] = flag;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + sum_off_by;
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// The headers of LHa, level 0 to 3, with one member.
pub struct Lzh {
    level: u8,
    name: Vec<u8>,
    pub directory: Vec<u8>,
    /// Directories and name in UTF-16, as UNLHA32 writes them.
    pub wide_directory: Option<Vec<u16>>,
    pub wide_name: Option<Vec<u16>>,
    pub sum: u16,
    data: Vec<u8>,
}

impl Lzh {
    pub fn of(level: u8, name: &[u8], data: &[u8]) -> Lzh {
        let sum = data.iter().fold(0_u16, |sum, byte| {
            // CRC-16/ARC
            (0..8).fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xA001 } else { sum >> 1 })
        });
        let (wide_directory, wide_name) = (None, None);
        Lzh { level, name: name.to_vec(), directory: Vec::new(), wide_directory, wide_name, sum, data: data.to_vec() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let len = self.data.len() as u32;
        // The lengths of extensions.
        let width = if self.level == 3 { 4 } else { 2 };
        let length = |len: usize| (len as u32).to_le_bytes()[..width].to_vec();
        let extension = |kind: u8, body: &[u8]| [&[kind][..], body].concat();
        let mut extensions = Vec::new();
        if self.level >= 2 {
            extensions.push(extension(1, &self.name));
        }
        if self.level > 0 && !self.directory.is_empty() {
            extensions.push(extension(2, &self.directory));
        }
        for (kind, path) in [(0x44, &self.wide_name), (0x45, &self.wide_directory)] {
            let units = path.iter().flatten().flat_map(|unit| unit.to_le_bytes());
            extensions.extend(path.is_some().then(|| extension(kind, &units.collect::<Vec<u8>>())));
        }
        let mut extra = Vec::new();
        let first = extensions.first().map_or(0, |body| body.len() + width);
        for (at, body) in extensions.iter().enumerate() {
            extra.extend_from_slice(body);
            extra.extend_from_slice(&length(extensions.get(at + 1).map_or(0, |body| body.len() + width)));
        }
        let mut out = b"-lh0-".to_vec();
        let packed = if self.level == 1 { len + extra.len() as u32 } else { len };
        out.extend_from_slice(&packed.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&if self.level >= 2 { 1_711_931_400_u32 } else { 0x5881_4BC0 }.to_le_bytes());
        out.extend_from_slice(&[0x20, self.level]);
        if self.level < 2 {
            let name = if self.level == 0 { [&self.directory[..], &self.name].concat() } else { self.name.clone() };
            out.push(name.len() as u8);
            out.extend_from_slice(&name);
        }
        out.extend_from_slice(&self.sum.to_le_bytes());
        if self.level > 0 {
            out.push(b'M');
        }
        if self.level == 3 {
            out.extend_from_slice(&length(out.len() + 2 + 4 + 4 + extra.len()));
        }
        if self.level > 0 {
            out.extend_from_slice(&length(first));
        }
        let mut out = match self.level {
            3 => [&4_u16.to_le_bytes()[..], &out, &extra].concat(),
            2 => [&(out.len() as u16 + 2 + extra.len() as u16).to_le_bytes()[..], &out, &extra].concat(),
            _ => {
                let sum = out.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                [&[out.len() as u8, sum][..], &out, &extra].concat()
            }
        };
        out.extend_from_slice(&self.data);
        out.push(0);
        out
    }
}

/// "RAR 5.0 archive format", members stored.
pub struct Rar5 {
    pub is_volume: bool,
    pub members: Vec<RarMember>,
}

pub struct RarMember {
    pub name: Vec<u8>,
    pub crc: u32,
    pub redirection: Option<(u8, &'static [u8])>,
    pub is_directory: bool,
    pub is_encrypted: bool,
}

impl Rar5 {
    pub fn of(names: &[&str]) -> Rar5 {
        let member = |name: &&str| RarMember {
            name: name.as_bytes().to_vec(),
            crc: DATA_CRC32,
            redirection: None,
            is_directory: false,
            is_encrypted: false,
        };
        Rar5 { is_volume: false, members: names.iter().map(member).collect() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"Rar!\x1a\x07\x01\x00".to_vec();
        header(&mut out, &[1, 0, u8::from(self.is_volume)]);
        for member in &self.members {
            let extra = member.redirection.map(|(kind, target)| {
                let body = [&[5, kind, 0, target.len() as u8][..], target].concat();
                [&[body.len() as u8][..], &body].concat()
            });
            let mut extra = extra.unwrap_or_default();
            if member.is_encrypted {
                // Type, version, flags, rounds, salt, vector.
                extra.extend_from_slice(&[36, 1, 0, 0, 15]);
                extra.extend_from_slice(&[7; 32]);
            }
            let data: &[u8] = if member.redirection.is_some() { b"" } else { DATA };
            let mut body = vec![2, 2 | u8::from(!extra.is_empty())];
            if !extra.is_empty() {
                body.push(extra.len() as u8);
            }
            body.extend_from_slice(&[data.len() as u8, 4 | u8::from(member.is_directory), data.len() as u8, 0x20]);
            body.extend_from_slice(&member.crc.to_le_bytes());
            body.extend_from_slice(&[0, 0, member.name.len() as u8]);
            body.extend_from_slice(&member.name);
            body.extend_from_slice(&extra);
            header(&mut out, &body);
            out.extend_from_slice(data);
        }
        header(&mut out, &[5, 0, 0]);
        out
    }
}

/// A header with its checksum and its length in front.
fn header(out: &mut Vec<u8>, body: &[u8]) {
    let mut len = Vec::new();
    let mut left = body.len();
    while left >= 0x80 {
        len.push(left as u8 | 0x80);
        left >>= 7;
    }
    len.push(left as u8);
    let summed = [&len[..], body].concat();
    out.extend_from_slice(&crc32(&summed).to_le_bytes());
    out.extend_from_slice(&summed);
}

pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// [MS-CAB], one folder of stored files.
pub struct Cab {
    names: Vec<Vec<u8>>,
    pub flags: u16,
    pub starts: Vec<u32>,
    /// The first block's.
    pub block_sum_off_by: u32,
    /// Bytes of the first of two blocks; 0 where there is one.
    pub first_block: u16,
}

impl Cab {
    pub fn of(names: &[&str]) -> Cab {
        Cab {
            names: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
            flags: 0,
            starts: (0..names.len() as u32).map(|at| at * 5).collect(),
            block_sum_off_by: 0,
            first_block: 0,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut files = Vec::new();
        for (name, start) in self.names.iter().zip(&self.starts) {
            put32(&mut files, &[5, *start]);
            // Folder, 2024-04-01 09:30, attributes: archive, UTF-8.
            put16(&mut files, &[0, 0x5881, 0x4BC0, 0xA0]);
            files.extend_from_slice(name);
            files.push(0);
        }
        let data = DATA.repeat(self.names.len());
        let names = [(); 2].map(|()| if self.flags & 2 == 0 { &b""[..] } else { b"x\0" }).concat();
        let first = 36 + names.len() as u32 + 8;
        let at = first + files.len() as u32;
        let mut out = b"MSCF\0\0\0\0".to_vec();
        let (one, two) = data.split_at(usize::from(self.first_block));
        let blocks: Vec<&[u8]> = [one, two].into_iter().filter(|block| !block.is_empty()).collect();
        put32(&mut out, &[at + 8 * blocks.len() as u32 + data.len() as u32, 0, first, 0]);
        put16(&mut out, &[0x0103, 1, self.names.len() as u16, self.flags, 0, 0]);
        out.extend_from_slice(&names);
        put32(&mut out, &[at]);
        put16(&mut out, &[blocks.len() as u16, 0]);
        out.extend_from_slice(&files);
        for (number, block) in blocks.into_iter().enumerate() {
            put32(&mut out, &[if number == 0 { self.block_sum_off_by } else { 0 }]);
            put16(&mut out, &[block.len() as u16, block.len() as u16]);
            out.extend_from_slice(block);
        }
        out
    }
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}
