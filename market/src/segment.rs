//! Segments of a package: their plaintext, cipher, leaf, Merkle tree, and the package id. Shared by
//! the ledger, which checks leaves and disputes, and by the tools that pack and open. Depends on
//! `layout`, the codec and the id types; pure.
//!
//! Segment `i` of `m` is `nonce (12) ‖ ciphertext ‖ tag (16)`: ChaCha20-Poly1305 (RFC 8439) under the
//! segment key, with associated data `domain ‖ i ‖ m`, so that a segment that is moved, or taken from
//! a package of another length, does not open.

use borsh::{BorshDeserialize, BorshSerialize};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::codec::Bytes;
use crate::id::PackageId;
use crate::layout::{Layout, Place, SEGMENT_BYTES, Width};

mod plaintext;
#[cfg(test)]
mod tests;
mod tree;

pub use plaintext::{
    cut_dictionary, decode_cells, decode_dictionary, encode_cells, encode_dictionary,
};
pub use tree::{LeafTree, MAX_PROOF_NODES, RangeProof, RootBuilder, bytes_hash};

/// Bytes of the nonce in front of a segment.
pub const NONCE_BYTES: usize = 12;
/// Bytes of the authentication tag at its end.
pub const TAG_BYTES: usize = 16;
/// Bytes that encryption adds.
pub const OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// Most bytes of an encrypted segment: a full part of a file or dictionary. (A column of a full block
/// has at most 32,760 · 8 = 262,080 bytes of plaintext, which is less.)
pub const MAX_CIPHERTEXT_BYTES: usize = SEGMENT_BYTES + OVERHEAD_BYTES;
/// Bytes of a leaf.
pub const LEAF_BYTES: usize = 1 + 1 + 4 + 32 + 32;
/// Most bytes of a manifest.
pub const MAX_MANIFEST_BYTES: usize = 1024 * 1024;

const CIPHER_DOMAIN: &[u8] = b"galen/segment/v1";
const PACKAGE_DOMAIN: &[u8] = b"galen/package/v1";

/// Why a segment is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SegmentError {
    /// It does not authenticate under its key, position and number.
    #[error("segment does not authenticate under its key and position")]
    Cipher,
    /// Its length is not that of its rows and width, or it is too long.
    #[error("segment has a wrong length")]
    Length,
    /// Entries of a dictionary are not UTF-8, not strictly ascending, or not the stated number.
    #[error("dictionary segment is not canonical")]
    Dictionary,
    /// A cell does not fit its width.
    #[error("cell does not fit its width")]
    Cell,
}

/// What a segment holds, as its leaf says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum LeafTag {
    /// One column of one row block.
    Column = 1,
    /// A part of a dictionary.
    Dictionary = 2,
    /// A part of a file.
    File = 3,
}

/// The public statement about one segment: `tag ‖ width ‖ rows ‖ BLAKE3(ciphertext) ‖ claim`, 70
/// bytes. Leaves are published beside the ciphertext. Whether tag, width and rows are those of the
/// Layout is for [`Leaf::fits`] to say: a leaf that lies must be representable, to be disputed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Leaf {
    /// A [`LeafTag`].
    pub tag: u8,
    /// Bytes of a cell; 0 for dictionaries, 1 for files.
    pub width: u8,
    /// Rows, entries, or bytes of a file.
    pub rows: u32,
    /// BLAKE3 of the whole encrypted segment, nonce and tag included.
    pub ciphertext: [u8; 32],
    /// Compressed commitment to the cells of a column; zeros for other segments.
    pub claim: [u8; 32],
}

impl Leaf {
    /// The leaf of a segment at its place.
    pub fn new(place: &Place, ciphertext: &[u8], claim: [u8; 32]) -> Self {
        let (tag, width, rows) = shape(place);
        Self { tag, width, rows, ciphertext: ciphertext_hash(ciphertext), claim }
    }

    /// Whether tag, width and rows are what the Layout says, with no claim where none belongs.
    pub fn fits(&self, place: &Place) -> bool {
        let claim_fits = matches!(place, Place::Column { .. }) || self.claim == [0; 32];
        (self.tag, self.width, self.rows) == shape(place) && claim_fits
    }

    /// Whether these are the bytes that the leaf speaks of.
    pub fn holds(&self, ciphertext: &[u8]) -> bool {
        self.ciphertext == ciphertext_hash(ciphertext)
    }

    /// The 70 bytes of the leaf.
    pub fn to_bytes(&self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[0] = self.tag;
        bytes[1] = self.width;
        bytes[2..6].copy_from_slice(&self.rows.to_le_bytes());
        bytes[6..38].copy_from_slice(&self.ciphertext);
        bytes[38..].copy_from_slice(&self.claim);
        bytes
    }

    /// Reads the leaf of exactly 70 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        borsh::from_slice(bytes).ok()
    }
}

impl Serialize for Leaf {
    /// Hexadecimal digits of the 70 bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <Bytes<LEAF_BYTES> as Deserialize>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("a leaf has 70 bytes"))
    }
}

fn shape(place: &Place) -> (u8, u8, u32) {
    match place {
        Place::Column { width, rows, .. } => (LeafTag::Column as u8, width_byte(*width), *rows),
        Place::Dictionary { entries, .. } => (LeafTag::Dictionary as u8, 0, *entries),
        Place::File { bytes, .. } => (LeafTag::File as u8, 1, *bytes),
    }
}

fn width_byte(width: Width) -> u8 {
    match width {
        Width::W1 => 1,
        Width::W2 => 2,
        Width::W4 => 4,
        Width::W8 => 8,
    }
}

/// What a leaf says of an encrypted segment: its BLAKE3 hash, 32 bytes. Every byte of a package is
/// hashed when it is sealed, when it arrives and when it is opened, so this hash must not be slower
/// than the cipher.
pub fn ciphertext_hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The hash of a manifest: SHA-256 of its canonical JSON (RFC 8785), as the package folder holds it.
pub fn manifest_hash(canonical_json: &[u8]) -> [u8; 32] {
    sha256(canonical_json)
}

/// What a package is made of, as the ledger knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageParts<'a> {
    /// Root of the leaf tree.
    pub root: [u8; 32],
    /// Number of segments.
    pub segments: u64,
    /// Commitment to the master key: 32 canonical little-endian bytes of the field element `K`.
    pub key_commitment: [u8; 32],
    /// The Layout.
    pub layout: &'a Layout,
    /// Hash of the manifest.
    pub manifest: [u8; 32],
}

impl PackageParts<'_> {
    /// `SHA-256(domain ‖ root ‖ segments ‖ K ‖ length of Layout ‖ Layout ‖ manifest hash)`, numbers as
    /// 8 little-endian bytes.
    pub fn id(&self) -> PackageId {
        let layout = self.layout.to_bytes();
        let mut hash = Sha256::new();
        hash.update(PACKAGE_DOMAIN);
        hash.update(self.root);
        hash.update(self.segments.to_le_bytes());
        hash.update(self.key_commitment);
        hash.update((layout.len() as u64).to_le_bytes());
        hash.update(&layout);
        hash.update(self.manifest);
        PackageId(hash.finalize().into())
    }
}

fn associated_data(segment: u64, segments: u64) -> [u8; CIPHER_DOMAIN.len() + 16] {
    let mut data = [0; CIPHER_DOMAIN.len() + 16];
    let (domain, numbers) = data.split_at_mut(CIPHER_DOMAIN.len());
    domain.copy_from_slice(CIPHER_DOMAIN);
    numbers[..8].copy_from_slice(&segment.to_le_bytes());
    numbers[8..].copy_from_slice(&segments.to_le_bytes());
    data
}

/// The cipher under a key; `None` never happens, as every 32 bytes are a key.
fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new)
}

/// Encrypts segment `segment` of `segments` under its key. The nonce must be random; a key serves one
/// packing run and so one segment.
///
/// # Errors
/// [`SegmentError::Length`] if the plaintext is longer than a segment may be.
pub fn seal(
    key: &[u8; 32],
    segment: u64,
    segments: u64,
    nonce: [u8; NONCE_BYTES],
    plaintext: &[u8],
) -> Result<Vec<u8>, SegmentError> {
    let mut bytes = Vec::new();
    seal_into(key, segment, segments, nonce, plaintext, &mut bytes)?;
    Ok(bytes)
}

/// As [`seal`], into a buffer whose content is replaced, so that many segments need one allocation.
///
/// # Errors
/// As [`seal`]; the buffer is empty then.
pub fn seal_into(
    key: &[u8; 32],
    segment: u64,
    segments: u64,
    nonce: [u8; NONCE_BYTES],
    plaintext: &[u8],
    bytes: &mut Vec<u8>,
) -> Result<(), SegmentError> {
    bytes.clear();
    if plaintext.len() > SEGMENT_BYTES {
        return Err(SegmentError::Length);
    }
    bytes.reserve_exact(plaintext.len() + OVERHEAD_BYTES);
    bytes.extend_from_slice(&[0; NONCE_BYTES]);
    bytes.extend_from_slice(plaintext);
    bytes.extend_from_slice(&[0; TAG_BYTES]);
    seal_in_place(key, segment, segments, nonce, bytes).inspect_err(|_| bytes.clear())
}

/// As [`seal`], without a copy: room for the nonce, the plaintext, and room for the tag become the
/// encrypted segment.
///
/// # Errors
/// [`SegmentError::Length`] if the plaintext is longer than a segment may be, or there is no room.
pub fn seal_in_place(
    key: &[u8; 32],
    segment: u64,
    segments: u64,
    nonce: [u8; NONCE_BYTES],
    bytes: &mut [u8],
) -> Result<(), SegmentError> {
    if bytes.len() > MAX_CIPHERTEXT_BYTES {
        return Err(SegmentError::Length);
    }
    let (front, rest) = bytes.split_first_chunk_mut().ok_or(SegmentError::Length)?;
    let (text, room) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or(SegmentError::Length)?;
    *front = nonce;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let data = Aad::from(associated_data(segment, segments));
    let tag = cipher(key)
        .and_then(|cipher| cipher.seal_in_place_separate_tag(nonce, data, text).ok())
        .ok_or(SegmentError::Length)?;
    room.copy_from_slice(tag.as_ref());
    Ok(())
}

/// Opens segment `segment` of `segments`. No byte of plaintext is released unless all authenticate.
///
/// # Errors
/// [`SegmentError::Length`] or [`SegmentError::Cipher`].
pub fn open(
    key: &[u8; 32],
    segment: u64,
    segments: u64,
    ciphertext: &[u8],
) -> Result<Vec<u8>, SegmentError> {
    let mut bytes = ciphertext.to_vec();
    Ok(open_in_place(key, segment, segments, &mut bytes)?.to_vec())
}

/// As [`open`], in place: where the plaintext lies in the bytes.
///
/// # Errors
/// As [`open`]; the bytes are zeros then.
pub fn open_in_place<'a>(
    key: &[u8; 32],
    segment: u64,
    segments: u64,
    bytes: &'a mut [u8],
) -> Result<&'a mut [u8], SegmentError> {
    let fits = (OVERHEAD_BYTES..=MAX_CIPHERTEXT_BYTES).contains(&bytes.len());
    let Some(nonce) = bytes.first_chunk::<NONCE_BYTES>().copied().filter(|_| fits) else {
        bytes.fill(0);
        return Err(SegmentError::Length);
    };
    let nonce = Nonce::assume_unique_for_key(nonce);
    let data = Aad::from(associated_data(segment, segments));
    let opened = cipher(key)
        .and_then(|cipher| cipher.open_in_place(nonce, data, &mut bytes[NONCE_BYTES..]).ok())
        .map(|plaintext| plaintext.len());
    match opened {
        Some(length) => Ok(&mut bytes[NONCE_BYTES..NONCE_BYTES + length]),
        None => {
            bytes.fill(0);
            Err(SegmentError::Cipher)
        }
    }
}
