//! Encrypted Office documents, written as [MS-OFFCRYPTO] and [MS-CFB] say: by what a writer does, not by what the reader undoes.

#![allow(dead_code, unreachable_pub, reason = "a kit of tests")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a helper of tests fails where it fails"
)]

use std::io::{Cursor, Write};

use aes::cipher::{Array, BlockCipherEncrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A document of one paragraph, with a picture's worth of bytes that nothing names.
pub fn docx(text: &str, ballast: usize) -> Vec<u8> {
    const TYPES: &str = "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'>\
        <Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>\
        <Override PartName='/word/document.xml' \
        ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'/></Types>";
    const RELATIONSHIPS: &str = "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>\
        <Relationship Id='rId1' Target='word/document.xml' \
        Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument'/></Relationships>";
    let document = format!(
        "<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>\
        <w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let noise: Vec<u8> = (0..ballast).map(|at| (at * 7 % 251) as u8).collect();
    for (name, bytes) in [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELATIONSHIPS.as_bytes()),
        ("word/document.xml", document.as_bytes()),
        ("word/ballast.bin", &noise),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// How an agile file is written; the default is what Office writes.
#[derive(Clone)]
pub struct Agile {
    pub hash: &'static str,
    pub key_bits: usize,
    pub spins: u32,
    /// What the file says it is, where that is not true.
    pub spins_told: Option<String>,
    pub integrity: bool,
    /// Made of the XML before it is written.
    pub edit: fn(String) -> String,
}

impl Default for Agile {
    fn default() -> Agile {
        Agile { hash: "SHA512", key_bits: 256, spins: 100_000, spins_told: None, integrity: true, edit: |xml| xml }
    }
}

impl Agile {
    /// The streams `EncryptionInfo` and `EncryptedPackage`.
    pub fn streams(&self, package: &[u8], password: &str) -> (Vec<u8>, Vec<u8>) {
        let (salt, key_salt, input) = ([0x11; 16], [0x22; 16], [0x33; 16]);
        let secret: Vec<u8> = (0..self.key_bits / 8).map(|at| at as u8 ^ 0x5A).collect();
        let hash = |pieces: &[&[u8]]| digest(self.hash, pieces);
        let hash_bytes = hash(&[]).len();

        let mut spun = hash(&[&key_salt, &utf16(password)]);
        for spin in 0..self.spins {
            spun = hash(&[&spin.to_le_bytes(), &spun]);
        }
        let sealed = |purpose: u64, plain: &[u8]| {
            let key = sized(&hash(&[&spun, &purpose.to_be_bytes()]), self.key_bits / 8);
            cbc(&key, &key_salt, plain)
        };
        let verifier = sealed(0xfea7_d276_3b4b_9e79, &input);
        let verifier_hash = sealed(0xd7aa_0f6d_3061_344e, &hash(&[&input]));
        let sealed_key = sealed(0x146e_0be7_abac_d0d6, &secret);

        let mut stream = (package.len() as u64).to_le_bytes().to_vec();
        for (number, segment) in package.chunks(4096).enumerate() {
            let start = sized(&hash(&[&salt, &(number as u32).to_le_bytes()]), 16);
            stream.extend(cbc(&secret, &start, segment));
        }
        let code_key = vec![0x44; hash_bytes];
        let code = code(self.hash, &code_key, &stream);
        let sealed_with =
            |purpose: u64, plain: &[u8]| cbc(&secret, &sized(&hash(&[&salt, &purpose.to_be_bytes()]), 16), plain);
        let integrity = format!(
            "<dataIntegrity encryptedHmacKey='{}' encryptedHmacValue='{}'/>",
            base64(&sealed_with(0x5fb2_ad01_0cb9_e1f6, &code_key)),
            base64(&sealed_with(0xa067_7f02_b22c_8433, &code)),
        );
        let scheme = |salt: &[u8]| {
            format!(
                "saltSize='16' blockSize='16' keyBits='{}' hashSize='{hash_bytes}' cipherAlgorithm='AES' \
                cipherChaining='ChainingModeCBC' hashAlgorithm='{}' saltValue='{}'",
                self.key_bits,
                self.hash,
                base64(salt)
            )
        };
        let xml = format!(
            "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\r\n\
            <encryption xmlns='http://schemas.microsoft.com/office/2006/encryption' \
            xmlns:p='http://schemas.microsoft.com/office/2006/keyEncryptor/password'><keyData {}/>{}<keyEncryptors>\
            <keyEncryptor uri='http://schemas.microsoft.com/office/2006/keyEncryptor/password'>\
            <p:encryptedKey spinCount='{}' {} encryptedVerifierHashInput='{}' encryptedVerifierHashValue='{}' \
            encryptedKeyValue='{}'/></keyEncryptor></keyEncryptors></encryption>",
            scheme(&salt),
            if self.integrity { &integrity } else { "" },
            self.spins_told.clone().unwrap_or_else(|| self.spins.to_string()),
            scheme(&key_salt),
            base64(&verifier),
            base64(&verifier_hash),
            base64(&sealed_key),
        );
        let info = [&[4, 0, 4, 0, 0x40, 0, 0, 0], (self.edit)(xml).as_bytes()].concat();
        (info, stream)
    }

    pub fn file(&self, package: &[u8], password: &str) -> Vec<u8> {
        let (info, stream) = self.streams(package, password);
        compound(3, &[("EncryptionInfo", &info), ("EncryptedPackage", &stream)])
    }
}

/// The streams of standard encryption, with an AES key of so many bits.
pub fn standard(package: &[u8], password: &str, key_bits: u32) -> (Vec<u8>, Vec<u8>) {
    let hash = |pieces: &[&[u8]]| digest("SHA1", pieces);
    let (salt, verifier) = ([0x55; 16], [0x66; 16]);
    let mut spun = hash(&[&salt, &utf16(password)]);
    for spin in 0..50_000_u32 {
        spun = hash(&[&spin.to_le_bytes(), &spun]);
    }
    let spun = hash(&[&spun, &[0; 4]]);
    let half = |byte: u8| {
        let block: Vec<u8> = (0..64).map(|at| byte ^ spun.get(at).copied().unwrap_or(0)).collect();
        hash(&[&block])
    };
    let key = &[half(0x36), half(0x5C)].concat()[..key_bits as usize / 8];
    let provider = utf16("Microsoft Enhanced RSA and AES Cryptographic Provider\0");
    let algorithm = match key_bits {
        128 => 0x660E_u32,
        192 => 0x660F,
        _ => 0x6610,
    };
    let header: Vec<u8> =
        [0x24, 0, algorithm, 0x8004, key_bits, 0x18, 0, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let header = [header, provider].concat();
    let number = |value: usize| (value as u32).to_le_bytes();
    let info = [
        &[4, 0, 2, 0, 0x24, 0, 0, 0][..],
        &number(header.len()),
        &header,
        &number(16),
        &salt,
        &ecb(key, &verifier),
        &number(20),
        &ecb(key, &hash(&[&verifier])),
    ]
    .concat();
    (info, [(package.len() as u64).to_le_bytes().to_vec(), ecb(key, package)].concat())
}

pub fn standard_file(package: &[u8], password: &str, key_bits: u32) -> Vec<u8> {
    let (info, stream) = standard(package, password, key_bits);
    compound(3, &[("EncryptionInfo", &info), ("EncryptedPackage", &stream)])
}

/// A compound file of version 3 or 4 with these streams in its root: the table first, then its chain where one is needed, the
/// streams, the short streams with their table, and the directory.
pub fn compound(version: u16, streams: &[(&str, &[u8])]) -> Vec<u8> {
    const FREE: u32 = 0xFFFF_FFFF;
    const END: u32 = 0xFFFF_FFFE;
    let sector: usize = if version == 3 { 512 } else { 4096 };
    let per = sector / 4;
    let mut mini: Vec<u8> = Vec::new();
    let mut mini_table: Vec<u32> = Vec::new();
    let mut entries: Vec<(String, u8, u32, usize)> = vec![("Root Entry".to_owned(), 5, END, 0)];
    // What stands in sectors, to be placed once it is known how many sectors the table takes.
    let mut bodies: Vec<(Option<usize>, Vec<u8>)> = Vec::new();
    for (name, bytes) in streams {
        let start = if bytes.len() < 4096 {
            let first = mini_table.len() as u32;
            let count = bytes.len().div_ceil(64) as u32;
            mini_table.extend((1..=count).map(|next| if next == count { END } else { first + next }));
            mini.extend_from_slice(bytes);
            mini.resize(mini_table.len() * 64, 0);
            if count == 0 { END } else { first }
        } else {
            bodies.push((Some(entries.len()), bytes.to_vec()));
            0
        };
        entries.push(((*name).to_owned(), 2, start, bytes.len()));
    }
    entries[0].3 = mini.len();
    bodies.push((Some(0), mini));
    bodies.push((None, mini_table.iter().flat_map(|next| next.to_le_bytes()).collect()));
    let directory_sectors = (entries.len() * 128).div_ceil(sector);
    let content: usize =
        bodies.iter().map(|(_, bytes)| bytes.len().div_ceil(sector)).sum::<usize>() + directory_sectors;
    let mut tables = 1;
    let chain_for = |tables: usize| tables.saturating_sub(109).div_ceil(per - 1);
    while tables * per < content + tables + chain_for(tables) {
        tables += 1;
    }
    let chain = chain_for(tables);
    let mut table = vec![0xFFFF_FFFD; tables];
    table.extend(vec![0xFFFF_FFFC; chain]);
    let mut placed: Vec<u8> = Vec::new();
    let mut mini_table_start = END;
    for (entry, bytes) in bodies {
        let (start, count) = (table.len() as u32, bytes.len().div_ceil(sector) as u32);
        table.extend((1..=count).map(|next| if next == count { END } else { start + next }));
        placed.extend_from_slice(&bytes);
        placed.resize(placed.len().next_multiple_of(sector), 0);
        match entry {
            Some(entry) if count > 0 => entries[entry].2 = start,
            None if count > 0 => mini_table_start = start,
            _ => {}
        }
    }
    let directory_start = table.len() as u32;
    let count = directory_sectors as u32;
    table.extend((1..=count).map(|next| if next == count { END } else { directory_start + next }));
    table.resize(tables * per, FREE);
    for at in 0..directory_sectors * sector / 128 {
        let mut entry = [0_u8; 128];
        if let Some((name, kind, start, len)) = entries.get(at) {
            let units = utf16(name);
            entry[..units.len()].copy_from_slice(&units);
            entry[64] = units.len() as u8 + 2;
            entry[66] = *kind;
            entry[67] = 1;
            entry[116..120].copy_from_slice(&start.to_le_bytes());
            entry[120..128].copy_from_slice(&(*len as u64).to_le_bytes());
        }
        for (at, link) in
            [(68, FREE), (72, if at > 0 && at + 1 < entries.len() { at as u32 + 1 } else { FREE }), (76, FREE)]
        {
            entry[at..at + 4].copy_from_slice(&link.to_le_bytes());
        }
        if at == 0 {
            entry[76..80].copy_from_slice(&1_u32.to_le_bytes());
        }
        placed.extend_from_slice(&entry);
    }
    let mut file = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    file.extend([0; 16]);
    for value in [0x3E, version, 0xFFFE, if version == 3 { 9 } else { 12 }, 6, 0, 0, 0] {
        file.extend(value.to_le_bytes());
    }
    let first_of_chain = if chain > 0 { tables as u32 } else { END };
    for value in [
        if version == 3 { 0 } else { count },
        tables as u32,
        directory_start,
        0,
        4096,
        mini_table_start,
        (mini_table.len() * 4).div_ceil(sector) as u32,
        first_of_chain,
        chain as u32,
    ] {
        file.extend(value.to_le_bytes());
    }
    (0..109).for_each(|at| file.extend(if at < tables { at as u32 } else { FREE }.to_le_bytes()));
    file.resize(sector, 0);
    table.iter().for_each(|next| file.extend(next.to_le_bytes()));
    for number in 0..chain {
        let first = 109 + number * (per - 1);
        (first..first + per - 1).for_each(|at| file.extend(if at < tables { at as u32 } else { FREE }.to_le_bytes()));
        let next = if number + 1 < chain { (tables + number + 1) as u32 } else { END };
        file.extend(next.to_le_bytes());
    }
    file.extend(placed);
    file
}

fn digest(hash: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let all = pieces.concat();
    match hash {
        "SHA1" => Sha1::digest(all).to_vec(),
        "SHA256" => Sha256::digest(all).to_vec(),
        "SHA384" => Sha384::digest(all).to_vec(),
        _ => Sha512::digest(all).to_vec(),
    }
}

fn code(hash: &str, key: &[u8], message: &[u8]) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
        <M as KeyInit>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
    }
    match hash {
        "SHA1" => of::<Hmac<Sha1>>(key, message),
        "SHA256" => of::<Hmac<Sha256>>(key, message),
        "SHA384" => of::<Hmac<Sha384>>(key, message),
        _ => of::<Hmac<Sha512>>(key, message),
    }
}

/// Padded with zeros to whole blocks.
fn padded(plain: &[u8]) -> Vec<u8> {
    let mut data = plain.to_vec();
    data.resize(data.len().next_multiple_of(16), 0);
    data
}

fn cbc(key: &[u8], start: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut data = padded(plain);
    let blocks = Array::slice_as_chunks_mut(&mut data).0;
    match key.len() {
        16 => cbc::Encryptor::<Aes128>::new_from_slices(key, start).unwrap().encrypt_blocks(blocks),
        24 => cbc::Encryptor::<Aes192>::new_from_slices(key, start).unwrap().encrypt_blocks(blocks),
        _ => cbc::Encryptor::<Aes256>::new_from_slices(key, start).unwrap().encrypt_blocks(blocks),
    }
    data
}

fn ecb(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut data = padded(plain);
    let blocks = Array::slice_as_chunks_mut(&mut data).0;
    match key.len() {
        16 => Aes128::new_from_slice(key).unwrap().encrypt_blocks(blocks),
        24 => Aes192::new_from_slice(key).unwrap().encrypt_blocks(blocks),
        _ => Aes256::new_from_slice(key).unwrap().encrypt_blocks(blocks),
    }
    data
}

fn sized(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut sized = bytes.to_vec();
    sized.resize(len, 0x36);
    sized
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().chain([0; 2].iter()).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let letter = |at: usize| char::from(LETTERS[bits >> (18 - 6 * at) & 63]);
        (0..4).map(|at| if at <= three.len() { letter(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}
