//! The audit log as a file that stands by itself: what signs it, and what checks it without the store it came from.
//!
//! A file is lines. The first is the proof, an object that says which rows follow; the last is the signature, an object with the SHA-256 of
//! every byte before it and an Ed25519 signature (RFC 8032) over [`CONTEXT`] and that digest, by the key of the site. In a file of JSON
//! lines the rows between are checked as a chain too, where no filter left any out.

use std::fmt;
use std::path::Path;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::{Canonical, link};
use crate::key_file::{self, KEY_BYTES, Origin};
use crate::{Error, Store, hex};

/// The key that a site signs with.
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    /// Reads the key of a store, or makes it.
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        let (seed, origin) = key_file::open(directory, FILE)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok().filter(|_| seed.len() == KEY_BYTES);
        let signer = Self(pair.ok_or(Error::Damaged("the key file audit.key"))?);
        if origin == Origin::Made {
            tracing::info!(event = "audit_key_made", public_key = signer.public_key());
        }
        Ok(signer)
    }

    fn public_key(&self) -> String {
        hex(self.0.public_key().as_ref())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

/// The last line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSignature {
    /// `signature`, which no other line has.
    #[serde(rename = "type")]
    kind: String,
    /// `ed25519`
    algorithm: String,
    /// 32 bytes in hexadecimal.
    public_key: String,
    /// SHA-256 of every byte before this line.
    sha256: String,
    /// 64 bytes in hexadecimal.
    signature: String,
}

impl Store {
    /// The public key of the site, 64 hexadecimal digits; `None` for a store that is open for reading only.
    pub fn audit_key(&self) -> Option<String> {
        self.signer().map(Signer::public_key)
    }

    /// Signs a file of which this is the SHA-256.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] for a store that is open for reading only.
    pub fn audit_sign(&self, digest: [u8; 32]) -> Result<AuditSignature, Error> {
        let signer = self.signer().ok_or(Error::ReadOnly)?;
        Ok(AuditSignature {
            kind: SIGNATURE.to_owned(),
            algorithm: ALGORITHM.to_owned(),
            public_key: signer.public_key(),
            sha256: hex(&digest),
            signature: hex(signer.0.sign(&signed(&digest)).as_ref()),
        })
    }
}

/// What a file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFileCheck {
    /// The first and last row of its range.
    pub range: (i64, i64),
    /// Rows in it.
    pub rows: u64,
    /// The hash of the last row of the range, in hexadecimal.
    pub head: String,
    /// Whether the rows were checked as a chain: not in a table (CSV), and not where a filter left rows out.
    pub chained: bool,
    /// The public key that it is signed with, in hexadecimal. Whose that is, only the site can say.
    pub public_key: String,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFileFault {
    /// It does not begin with a proof.
    #[error("line 1 is no proof of an exported audit log")]
    NoProof,
    /// A line is none of an exported log.
    #[error("line {0} is no row")]
    NoRow(u64),
    /// A row does not follow from the one before it.
    #[error("row {0} does not follow from the one before it")]
    Broken(i64),
    /// The rows are not those that the proof names.
    #[error("the rows end at {0}, and the proof says otherwise")]
    Other(i64),
    /// There is no signature at its end.
    #[error("there is no signature at the end")]
    NoSignature,
    /// Something stands behind the signature.
    #[error("line {0} stands behind the signature")]
    Behind(u64),
    /// The signature is not of these bytes by that key.
    #[error("the signature is not that of this file")]
    Signature,
}

#[derive(Debug, Deserialize)]
struct Proof {
    #[serde(rename = "type")]
    kind: String,
    from_seq: i64,
    to_seq: i64,
    previous_hash: String,
    head: String,
    complete: bool,
}

#[derive(Debug, Deserialize)]
struct Row {
    seq: i64,
    at: i64,
    actor: String,
    event: String,
    message: Option<i64>,
    detail: String,
    hash: String,
}

/// Checks a file, line by line.
#[derive(Debug, Default)]
pub struct AuditFile {
    digest: Sha256,
    proof: Option<Proof>,
    is_table: bool,
    lines: u64,
    rows: u64,
    seq: i64,
    hash: [u8; 32],
    signature: Option<AuditSignature>,
}

impl AuditFile {
    /// Takes the next line, with the end that it has.
    ///
    /// # Errors
    /// [`AuditFileFault`]; nothing that follows matters then.
    pub fn line(&mut self, line: &[u8]) -> Result<(), AuditFileFault> {
        self.lines = self.lines.saturating_add(1);
        if self.signature.is_some() {
            return Err(AuditFileFault::Behind(self.lines));
        }
        if self.proof.is_none() {
            let begin = line.strip_prefix(MARK).unwrap_or(line);
            let table = begin.strip_prefix(TABLE);
            self.is_table = table.is_some();
            let proof: Option<Proof> = serde_json::from_slice(table.unwrap_or(begin)).ok();
            let proof = proof.filter(|proof| proof.kind == "proof").ok_or(AuditFileFault::NoProof)?;
            self.seq = proof.from_seq.saturating_sub(1);
            self.hash = unhex(&proof.previous_hash).ok_or(AuditFileFault::NoProof)?;
            self.proof = Some(proof);
        } else if let Some(signature) = self.is_signature(line) {
            self.signature = Some(signature);
            return Ok(());
        } else if self.is_table {
            // The line under the proof names the columns; a row may be more than one line.
            self.rows = self.lines.saturating_sub(2);
        } else {
            self.row(serde_json::from_slice(line).map_err(|_| AuditFileFault::NoRow(self.lines))?)?;
        }
        self.digest.update(line);
        Ok(())
    }

    fn is_signature(&self, line: &[u8]) -> Option<AuditSignature> {
        let line = if self.is_table { line.strip_prefix(TABLE)? } else { line };
        let found: AuditSignature = serde_json::from_slice(line).ok()?;
        (found.kind == SIGNATURE && found.algorithm == ALGORITHM).then_some(found)
    }

    fn row(&mut self, row: Row) -> Result<(), AuditFileFault> {
        let Row { seq, at, actor, event, message, detail, hash } = row;
        let broken = AuditFileFault::Broken(seq);
        if self.proof.as_ref().is_some_and(|proof| proof.complete) {
            let canonical = Canonical { seq, at, actor: &actor, event: &event, message, detail: &detail };
            self.hash = link(&self.hash, &canonical).map_err(|_| broken.clone())?;
            if seq != self.seq.saturating_add(1) || hex(&self.hash) != hash {
                return Err(broken);
            }
        } else if seq <= self.seq {
            return Err(broken);
        }
        self.seq = seq;
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// What the whole file proves.
    ///
    /// # Errors
    /// [`AuditFileFault`].
    pub fn finish(self) -> Result<AuditFileCheck, AuditFileFault> {
        let proof = self.proof.ok_or(AuditFileFault::NoProof)?;
        let signature = self.signature.ok_or(AuditFileFault::NoSignature)?;
        let digest: [u8; 32] = self.digest.finalize().into();
        let (key, written) = (unhex::<32>(&signature.public_key), unhex::<64>(&signature.signature));
        let (Some(key), Some(written)) = (key, written) else { return Err(AuditFileFault::Signature) };
        let is_of_key = UnparsedPublicKey::new(&ED25519, key).verify(&signed(&digest), &written).is_ok();
        if !is_of_key || signature.sha256 != hex(&digest) {
            return Err(AuditFileFault::Signature);
        }
        let chained = proof.complete && !self.is_table;
        if chained && (self.seq != proof.to_seq || hex(&self.hash) != proof.head) {
            return Err(AuditFileFault::Other(self.seq));
        }
        Ok(AuditFileCheck {
            range: (proof.from_seq, proof.to_seq),
            rows: self.rows,
            head: proof.head,
            chained,
            public_key: signature.public_key,
        })
    }
}

fn signed(digest: &[u8; 32]) -> Vec<u8> {
    [CONTEXT, digest].concat()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> = text.chars().map_while(|c| c.to_digit(16)?.try_into().ok()).collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).filter_map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect();
    bytes.try_into().ok().filter(|bytes: &[u8; N]| hex(bytes) == text)
}

/// Beside the database.
const FILE: &str = "audit.key";
const SIGNATURE: &str = "signature";
const ALGORITHM: &str = "ed25519";
/// What is signed is this and the digest of the file, so that no signature of the key stands for anything else.
pub const CONTEXT: &[u8] = b"misogi audit export 1\n";
/// By which Excel knows UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Before an object in a table.
const TABLE: &[u8] = b"# ";

#[cfg(test)]
mod tests {
    use super::*;

    /// A signed file of rows, which `change` may have touched before it was signed.
    fn file(complete: bool, change: impl Fn(&mut Vec<serde_json::Value>)) -> (Vec<String>, [u8; 32]) {
        let seed = [7; KEY_BYTES];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let mut hash = [0; 32];
        let mut rows = Vec::new();
        for seq in 1..=3 {
            let canonical =
                Canonical { seq, at: seq * 1000, actor: "監査", event: "purged", message: None, detail: "{}" };
            hash = link(&hash, &canonical).unwrap();
            rows.push(serde_json::json!({"seq": seq, "at": seq * 1000, "time": "x", "actor": "監査", "event": "purged", "message": null, "detail": "{}", "hash": hex(&hash)}));
        }
        let proof = serde_json::json!({"type": "proof", "from_seq": 1, "to_seq": 3, "previous_hash": hex(&[0; 32]), "head": hex(&hash), "complete": complete, "filter": []});
        rows.insert(0, proof);
        change(&mut rows);
        let mut lines: Vec<String> = rows.iter().map(|row| format!("{row}\n")).collect();
        let digest: [u8; 32] = Sha256::digest(lines.concat()).into();
        let signature = AuditSignature {
            kind: SIGNATURE.to_owned(),
            algorithm: ALGORITHM.to_owned(),
            public_key: hex(pair.public_key().as_ref()),
            sha256: hex(&digest),
            signature: hex(pair.sign(&signed(&digest)).as_ref()),
        };
        lines.push(format!("{}\n", serde_json::to_string(&signature).unwrap()));
        (lines, hash)
    }

    fn check(lines: &[String]) -> Result<AuditFileCheck, AuditFileFault> {
        let mut file = AuditFile::default();
        lines.iter().try_for_each(|line| file.line(line.as_bytes()))?;
        file.finish()
    }

    #[test]
    fn a_file_proves_its_rows_and_whose_it_is() {
        let (lines, hash) = file(true, |_| {});
        let found = check(&lines).unwrap();
        assert_eq!((found.range, found.rows, found.head.clone(), found.chained), ((1, 3), 3, hex(&hash), true));
        assert_eq!(found.public_key.len(), 64);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (lines, _) = file(true, |_| {});
        for (number, line) in lines.iter().enumerate() {
            for (at, _) in line.trim_end().char_indices() {
                let mut bytes = line.clone().into_bytes();
                bytes[at] ^= 1;
                let mut file = AuditFile::default();
                let mut outcome = Ok(());
                for (other, line) in lines.iter().enumerate() {
                    let line = if other == number { &bytes[..] } else { line.as_bytes() };
                    outcome = outcome.and_then(|()| file.line(line));
                }
                assert!(outcome.and_then(|()| file.finish().map(drop)).is_err(), "line {number}, byte {at}");
            }
        }
    }

    #[test]
    fn what_the_site_itself_signed_is_still_a_chain() {
        let signed = |change: fn(&mut Vec<serde_json::Value>)| check(&file(true, change).0);
        assert_eq!(signed(|rows| rows[2]["actor"] = "x".into()), Err(AuditFileFault::Broken(2)));
        assert_eq!(signed(|rows| drop(rows.remove(2))), Err(AuditFileFault::Broken(3)));
        assert_eq!(signed(|rows| drop(rows.pop())), Err(AuditFileFault::Other(2)));
        assert_eq!(signed(|rows| drop(rows.remove(0))), Err(AuditFileFault::NoProof));
        // Where a filter left rows out there is no chain, and the order still holds.
        let filtered = check(&file(false, |rows| drop(rows.remove(2))).0).unwrap();
        assert_eq!((filtered.rows, filtered.chained), (2, false));
        assert_eq!(check(&file(false, |rows| rows.swap(1, 2)).0), Err(AuditFileFault::Broken(1)));
    }

    #[test]
    fn a_file_ends_with_its_signature_and_nothing_else() {
        let (mut lines, _) = file(true, |_| {});
        assert_eq!(check(&lines[..4]), Err(AuditFileFault::NoSignature));
        lines.push("\n".to_owned());
        assert_eq!(check(&lines), Err(AuditFileFault::Behind(6)));
        assert_eq!(check(&[]), Err(AuditFileFault::NoProof));
    }
}
