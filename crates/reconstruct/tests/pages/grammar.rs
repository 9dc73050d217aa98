//! A reader of rebuilt files that knows nothing of their writer: it takes every byte of a file apart and holds each key, name and
//! operator against `docs/pdf-grammar.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// What the page allows.
pub struct Grammar {
    keys: BTreeSet<&'static str>,
    names: BTreeSet<&'static str>,
    operators: BTreeSet<&'static str>,
}

/// A value of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Number(f64),
    Reference(u32),
    Name(String),
    Text(Vec<u8>),
    Array(Vec<Value>),
    Dictionary(BTreeMap<String, Value>),
    /// Of a content stream.
    Operator(String),
}

/// What was found in files.
#[derive(Default)]
pub struct Seen {
    pub keys: BTreeSet<String>,
    pub names: BTreeSet<String>,
    pub operators: BTreeSet<String>,
}

impl Grammar {
    pub fn published() -> Grammar {
        let page = include_str!("../../../../docs/pdf-grammar.md");
        let listed = |heading: &str| {
            let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
            let rows = section.lines().filter(|line| line.starts_with("| `"));
            rows.map(|row| row.split('`').nth(1).unwrap().trim_start_matches('/')).collect()
        };
        Grammar { keys: listed("Keys"), names: listed("Names"), operators: listed("Operators") }
    }

    pub fn has_key(&self, key: &str) -> bool {
        self.keys.contains(key) || is_resource(key)
    }

    pub fn has_name(&self, name: &str) -> bool {
        self.names.contains(name) || is_font(name)
    }

    /// Everything of a file, or what is wrong with it.
    pub fn check(&self, file: &[u8], seen: &mut Seen) -> Result<(), String> {
        let objects = objects(file)?;
        for (number, object) in &objects {
            self.value(&object.value, seen).map_err(|wrong| format!("object {number}: {wrong}"))?;
            if let Some(data) = &object.data {
                self.stream(&object.value, data, &objects, *number, seen)
                    .map_err(|wrong| format!("stream {number}: {wrong}"))?;
            }
        }
        Ok(())
    }

    fn value(&self, value: &Value, seen: &mut Seen) -> Result<(), String> {
        match value {
            Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Reference(_) | Value::Text(_) => Ok(()),
            Value::Operator(word) => Err(format!("{word} is no value")),
            Value::Name(name) if self.has_name(name) => {
                seen.names.insert(name.clone());
                Ok(())
            }
            Value::Name(name) => Err(format!("name /{name}")),
            Value::Array(values) => values.iter().try_for_each(|value| self.value(value, seen)),
            Value::Dictionary(entries) => entries.iter().try_for_each(|(key, value)| {
                if !self.has_key(key) {
                    return Err(format!("key /{key}"));
                }
                seen.keys.insert(key.clone());
                self.value(value, seen)
            }),
        }
    }

    /// The data of a stream, by what the stream is. One that is nothing known is wrong.
    fn stream(
        &self,
        head: &Value,
        data: &[u8],
        objects: &BTreeMap<u32, Object>,
        number: u32,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let text = |key: &str| head.name(key).unwrap_or_default();
        match (text("Type").as_str(), text("Subtype").as_str()) {
            ("ObjStm", "") | ("XRef", "") => Ok(()),
            ("XObject", "Form") | ("Pattern", "") => self.content(data, seen),
            ("XObject", "Image") => match text("Filter").as_str() {
                "DCTDecode" => markers(data),
                "JBIG2Decode" => segments(data),
                _ => Ok(()),
            },
            ("Metadata", "XML") => Ok(()),
            ("", "CIDFontType0C") => Ok(()),
            ("", "") => {
                let used_as = |key: &str| objects.values().any(|object| object.value.mentions(key, number));
                if used_as("Contents") {
                    self.content(data, seen)
                } else if used_as("ToUnicode") {
                    cmap(data)
                } else if used_as("DestOutputProfile") || used_as("TR") {
                    Ok(())
                } else {
                    Err("of no use".to_owned())
                }
            }
            (kind, sort) => Err(format!("of type {kind} {sort}")),
        }
    }

    fn content(&self, data: &[u8], seen: &mut Seen) -> Result<(), String> {
        let mut words = Words { rest: data };
        let mut operands = 0;
        let mut depth = 0_i32;
        let mut text = false;
        while let Some(value) = words.next()? {
            let Value::Operator(operator) = value else {
                let fine = match &value {
                    Value::Name(name) => is_resource(name) || name == "Pattern",
                    Value::Number(_) | Value::Text(_) => true,
                    Value::Array(values) => values.iter().all(|v| matches!(v, Value::Number(_) | Value::Text(_))),
                    _ => false,
                };
                operands += 1;
                if !fine || operands > 6 {
                    return Err(format!("operand {value:?}"));
                }
                continue;
            };
            operands = 0;
            if !self.operators.contains(operator.as_str()) {
                return Err(format!("operator {operator}"));
            }
            match operator.as_str() {
                "q" | "Q" if text => return Err("state saved in text".to_owned()),
                "q" => depth += 1,
                "Q" => depth -= 1,
                "BT" | "ET" if (operator == "BT") == text => return Err("text in text".to_owned()),
                "BT" | "ET" => text = !text,
                "Tj" | "TJ" | "Td" | "Tm" if !text => return Err("text outside".to_owned()),
                "m" | "re" | "Do" | "cm" if text => return Err("drawing in text".to_owned()),
                _ => {}
            }
            if depth < 0 {
                return Err("too many Q".to_owned());
            }
            seen.operators.insert(operator);
        }
        if depth != 0 || text || operands > 0 { Err("left open".to_owned()) } else { Ok(()) }
    }
}

struct Object {
    value: Value,
    /// Data of a stream, unpacked.
    data: Option<Vec<u8>>,
}

impl Value {
    fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Dictionary(entries) => entries.get(key),
            _ => None,
        }
    }

    fn name(&self, key: &str) -> Option<String> {
        match self.get(key) {
            Some(Value::Name(name)) => Some(name.clone()),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<usize> {
        match self.get(key) {
            Some(Value::Number(number)) => format!("{number}").parse().ok(),
            _ => None,
        }
    }

    fn mentions(&self, wanted: &str, number: u32) -> bool {
        match self {
            Value::Dictionary(entries) => entries.iter().any(|(key, value)| {
                (key == wanted && *value == Value::Reference(number)) || value.mentions(wanted, number)
            }),
            Value::Array(values) => values.iter().any(|value| value.mentions(wanted, number)),
            _ => false,
        }
    }
}

/// A letter for the sort of resource, then its number.
fn is_resource(name: &str) -> bool {
    let digits = name.strip_prefix(['F', 'I', 'S', 'C', 'G', 'P', 'T']);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_font(name: &str) -> bool {
    let letters = name.strip_suffix("+Misogi");
    letters.is_some_and(|letters| letters.len() == 6 && letters.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// All objects of a file, which must be objects from its head to its tail and where its table says.
fn objects(file: &[u8]) -> Result<BTreeMap<u32, Object>, String> {
    let mut rest = file.strip_prefix(b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n").ok_or("head")?;
    let mut objects = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut table = None;
    while !rest.starts_with(b"startxref\n") {
        let place = file.len() - rest.len();
        let mut words = Words { rest };
        let (number, generation, word) = (words.next()?, words.next()?, words.next()?);
        let (Some(Value::Number(number)), Some(Value::Number(0.0))) = (number, generation) else {
            return Err(format!("no object at {place}"));
        };
        if word != Some(Value::Operator("obj".to_owned())) {
            return Err(format!("no object at {place}"));
        }
        let number: u32 = format!("{number}").parse().map_err(|_| "number of an object")?;
        let value = words.next()?.ok_or("an object without a value")?;
        let packed = words.rest.strip_prefix(b"\nstream\n").ok_or("an object outside an object stream")?;
        let length = value.number("Length").ok_or("length")?;
        let (data, after) = packed.split_at_checked(length).ok_or("length")?;
        rest = after.strip_prefix(b"\nendstream\nendobj\n").ok_or("end of a stream")?;
        let data = match value.name("Filter").as_deref() {
            Some("FlateDecode") => inflate(data)?,
            Some("DCTDecode" | "CCITTFaxDecode" | "JBIG2Decode") | None => data.to_vec(),
            Some(other) => return Err(format!("filter {other}")),
        };
        match value.name("Type").as_deref() {
            Some("ObjStm") => within(&value, &data, number, &mut objects, &mut places)?,
            Some("XRef") => table = Some((place, value.clone(), data.clone())),
            _ => {}
        }
        places.insert(number, (1, place, 0));
        if objects.insert(number, Object { value, data: Some(data) }).is_some() {
            return Err(format!("object {number} stands twice"));
        }
    }
    let (start, head, rows) = table.ok_or("no table")?;
    if rest != format!("startxref\n{start}\n%%EOF\n").as_bytes() {
        return Err("tail".to_owned());
    }
    let mut row = [0_u8; 8];
    for (number, line) in (0_u32..).zip(rows.chunks(9)) {
        row.iter_mut().zip(&line[1..]).for_each(|(byte, change)| *byte = byte.wrapping_add(*change));
        let place = row[1..6].iter().fold(0_usize, |place, byte| place << 8 | usize::from(*byte));
        let found = (row[0], place, usize::from(row[6]) << 8 | usize::from(row[7]));
        if found != places.get(&number).copied().unwrap_or((0, 0, 0)) {
            return Err(format!("object {number} is not at {found:?}"));
        }
    }
    if head.number("Size") != Some(rows.len() / 9) {
        return Err("size of the table".to_owned());
    }
    Ok(objects)
}

/// The objects of an object stream.
fn within(
    head: &Value,
    data: &[u8],
    stream: u32,
    objects: &mut BTreeMap<u32, Object>,
    places: &mut BTreeMap<u32, (u8, usize, usize)>,
) -> Result<(), String> {
    let (count, first) = (head.number("N").ok_or("N")?, head.number("First").ok_or("First")?);
    let mut index = Words { rest: &data[..first] };
    for at in 0..count {
        let (Some(Value::Number(number)), Some(Value::Number(offset))) = (index.next()?, index.next()?) else {
            return Err("index of an object stream".to_owned());
        };
        let number: u32 = format!("{number}").parse().map_err(|_| "number")?;
        let offset: usize = format!("{offset}").parse().map_err(|_| "offset")?;
        let mut words = Words { rest: &data[first + offset..] };
        let value = words.next()?.ok_or("empty object")?;
        places.insert(number, (2, usize::try_from(stream).unwrap(), at));
        if objects.insert(number, Object { value, data: None }).is_some() {
            return Err(format!("object {number} stands twice"));
        }
    }
    Ok(())
}

fn inflate(packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut data = Vec::new();
    flate2::read::ZlibDecoder::new(packed).read_to_end(&mut data).map_err(|error| error.to_string())?;
    Ok(data)
}

/// The segments of a JBIG2 stream: what the page is, and one region of pixels without loss (T.88, 7.2 and 7.3). Symbols, text
/// and tables, whose decoders had the holes that are known, would be others.
fn segments(mut data: &[u8]) -> Result<(), String> {
    for (number, kind) in [(0, 48), (1, 39)] {
        let (head, rest) = data.split_at_checked(11).ok_or("head of a segment")?;
        if head[..7] != [0, 0, 0, number, kind, 0, 1] {
            return Err(format!("segment {head:?}"));
        }
        let length = head[7..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        data = rest.split_at_checked(length).ok_or("length of a segment")?.1;
    }
    if data.is_empty() { Ok(()) } else { Err("more segments".to_owned()) }
}

/// A JPEG of the segments that a picture needs, and no others.
fn markers(data: &[u8]) -> Result<(), String> {
    let mut rest = data.strip_prefix(&[0xFF, 0xD8]).ok_or("no JPEG")?;
    loop {
        let [0xFF, marker, high, low, ..] = rest else { return Err("JPEG".to_owned()) };
        if !matches!(marker, 0xE0 | 0xDB | 0xC0 | 0xC4 | 0xDA) {
            return Err(format!("JPEG marker {marker:02X}"));
        }
        if *marker == 0xDA {
            // Nothing but one scan up to the end.
            let stray = data.windows(2).filter(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7)).count();
            return if data.ends_with(&[0xFF, 0xD9]) && stray < 20 { Ok(()) } else { Err("JPEG scan".to_owned()) };
        }
        rest = rest.get(2 + (usize::from(*high) << 8 | usize::from(*low))..).ok_or("JPEG")?;
    }
}

/// A CMap of nothing but hexadecimal strings between its fixed head and tail.
fn cmap(data: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(data).map_err(|_| "CMap")?;
    let body = text.split_once("endcodespacerange\n").and_then(|(_, body)| body.split_once("endcmap\n"));
    let (body, _) = body.ok_or("CMap")?;
    for line in body.lines() {
        let words = ["beginbfrange", "endbfrange", "beginbfchar", "endbfchar"];
        let fixed = line.split(' ').all(|word| words.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit()));
        let strings = line.bytes().all(|byte| matches!(byte, b'<' | b'>' | b'0'..=b'9' | b'A'..=b'F'));
        if !fixed && !strings {
            return Err(format!("CMap line {line}"));
        }
    }
    Ok(())
}

/// The tokens of a file (ISO 32000-1, 7.2 and 7.3), as this writer's files need them.
struct Words<'a> {
    rest: &'a [u8],
}

impl Words<'_> {
    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let (head, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        head
    }

    fn next(&mut self) -> Result<Option<Value>, String> {
        while matches!(self.peek(), b' ' | b'\n') && !self.rest.is_empty() {
            self.take(1);
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let value = match self.peek() {
            b'/' => Value::Name(self.regular(1)),
            b'(' => Value::Text(self.literal()?),
            b'<' if self.rest.get(1) == Some(&b'<') => self.dictionary()?,
            b'<' => {
                let end = self.rest.iter().position(|byte| *byte == b'>').ok_or("open string")?;
                Value::Text(self.take(end + 1).to_vec())
            }
            b'[' => {
                self.take(1);
                let mut values = Vec::new();
                while !self.closes(b"]") {
                    values.push(self.next()?.ok_or("open array")?);
                }
                Value::Array(values)
            }
            b'0'..=b'9' | b'-' | b'.' => self.number()?,
            _ => match self.regular(0).as_str() {
                "" => return Err(format!("byte {:02X}", self.peek())),
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                "null" => Value::Null,
                word => Value::Operator(word.to_owned()),
            },
        };
        Ok(Some(value))
    }

    fn closes(&mut self, end: &[u8]) -> bool {
        while matches!(self.peek(), b' ' | b'\n') && !self.rest.is_empty() {
            self.take(1);
        }
        let closes = self.rest.starts_with(end);
        if closes {
            self.take(end.len());
        }
        closes
    }

    fn regular(&mut self, skipped: usize) -> String {
        let part = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'+' | b'-' | b'_' | b'.'));
        let end = self.rest[skipped..].iter().position(part).map_or(self.rest.len(), |end| end + skipped);
        String::from_utf8_lossy(&self.take(end)[skipped..]).into_owned()
    }

    fn number(&mut self) -> Result<Value, String> {
        let word = self.regular(0);
        let number: f64 = word.parse().map_err(|_| format!("number {word}"))?;
        if word.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'.')) || number.abs() > 2_147_483_647.0 {
            return Err(format!("number {word}"));
        }
        // A reference is two numbers and a letter.
        if let Some(rest) = self.rest.strip_prefix(b" 0 R").filter(|rest| !rest.starts_with(b"G")) {
            self.rest = rest;
            return Ok(Value::Reference(word.parse().map_err(|_| format!("reference {word}"))?));
        }
        Ok(Value::Number(number))
    }

    fn literal(&mut self) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        let mut at = 1;
        loop {
            match self.rest.get(at).ok_or("open string")? {
                b')' => break,
                b'(' | b'\r' => return Err("a bare parenthesis or return".to_owned()),
                b'\\' => {
                    at += 1;
                    match self.rest.get(at) {
                        Some(byte @ (b'(' | b')' | b'\\' | b'r')) => text.push(*byte),
                        _ => return Err("escape".to_owned()),
                    }
                }
                byte => text.push(*byte),
            }
            at += 1;
        }
        self.take(at + 1);
        Ok(text)
    }

    fn dictionary(&mut self) -> Result<Value, String> {
        self.take(2);
        let mut entries = BTreeMap::new();
        while !self.closes(b">>") {
            let Some(Value::Name(key)) = self.next()? else { return Err("a key that is no name".to_owned()) };
            let value = self.next()?.ok_or("a key without a value")?;
            if entries.insert(key.clone(), value).is_some() {
                return Err(format!("key /{key} stands twice"));
            }
        }
        Ok(Value::Dictionary(entries))
    }
}
