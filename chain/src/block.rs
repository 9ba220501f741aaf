//! A block: its header, which light clients know too, and its transactions. Bytes are borsh, canonical
//! and bounded.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

pub use galen_light::{BlockId, Header};

/// The most bytes that the transactions of one block may have together.
pub const MAX_TRANSACTION_BYTES: usize = 4 << 20;
/// The most transactions in a block.
pub const MAX_TRANSACTIONS: usize = 4096;
/// The most bytes of an encoded block: its transactions with their lengths, and the header.
pub const MAX_BLOCK_BYTES: usize = MAX_TRANSACTION_BYTES + 4 * MAX_TRANSACTIONS + 1024;

/// A header with the transactions that it names.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// Encoded transactions, in the order of their execution.
    pub transactions: Vec<Vec<u8>>,
}

/// Why bytes are no block.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlockFormatError {
    /// Longer than any block.
    #[error("a block of {0} bytes is larger than {MAX_BLOCK_BYTES}")]
    TooLarge(usize),
    /// More transactions, or more of their bytes, than a block may have.
    #[error("the block holds more transactions than allowed")]
    TooManyTransactions,
    /// Not the canonical encoding of a block.
    #[error("the bytes are not a block")]
    Encoding,
    /// The header names other transactions.
    #[error("the transactions are not those of the header")]
    Transactions,
}

impl Block {
    /// The name of the block.
    pub fn id(&self) -> BlockId {
        self.header.id()
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// Reads a block and checks what needs no state: size, canonical form and the hash of its
    /// transactions.
    ///
    /// # Errors
    /// When the bytes are not exactly one well-formed block.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlockFormatError> {
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(BlockFormatError::TooLarge(bytes.len()));
        }
        let block: Self = borsh::from_slice(bytes).map_err(|_| BlockFormatError::Encoding)?;
        let total: usize = block.transactions.iter().map(Vec::len).sum();
        if block.transactions.len() > MAX_TRANSACTIONS || total > MAX_TRANSACTION_BYTES {
            return Err(BlockFormatError::TooManyTransactions);
        }
        if transactions_hash(&block.transactions) != block.header.transactions {
            return Err(BlockFormatError::Transactions);
        }
        Ok(block)
    }
}

/// Hash of a list of transactions: of their number and the hash of each.
pub fn transactions_hash(transactions: &[Vec<u8>]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"galen transactions 1");
    hasher.update((transactions.len() as u64).to_le_bytes());
    for transaction in transactions {
        hasher.update(Sha256::digest(transaction));
    }
    hasher.finalize().into()
}

/// Borsh bytes of a value that is already in memory.
pub(crate) fn encoded<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn block() -> Block {
        let transactions = vec![vec![1, 2, 3], vec![]];
        let header = Header {
            chain_id: [7; 32],
            height: 3,
            time_ms: 5,
            parent: BlockId([1; 32]),
            proposer: [2; 32],
            transactions: transactions_hash(&transactions),
            events: [3; 32],
            state_root: [4; 32],
            validators: [5; 32],
            next_validators: [6; 32],
        };
        Block { header, transactions }
    }

    #[test]
    fn a_block_survives_its_bytes_and_nothing_else_does() {
        let bytes = block().encode();
        assert_eq!(Block::decode(&bytes).unwrap(), block());

        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Block::decode(&longer), Err(BlockFormatError::Encoding));
        for cut in 0..bytes.len() {
            assert_eq!(Block::decode(&bytes[..cut]), Err(BlockFormatError::Encoding));
        }
        assert_eq!(
            Block::decode(&vec![0; MAX_BLOCK_BYTES + 1]),
            Err(BlockFormatError::TooLarge(MAX_BLOCK_BYTES + 1))
        );
    }

    #[test]
    fn transactions_other_than_the_headers_are_refused() {
        let mut swapped = block();
        swapped.transactions.reverse();
        assert_eq!(Block::decode(&swapped.encode()), Err(BlockFormatError::Transactions));
    }

    #[test]
    fn a_flipped_bit_never_gives_the_same_block() {
        let bytes = block().encode();
        for position in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1;
            assert!(Block::decode(&flipped).map(|b| b.id()) != Ok(block().id()), "byte {position}");
        }
    }

    #[test]
    fn too_many_transactions_are_refused() {
        let mut full = block();
        full.transactions = vec![vec![]; MAX_TRANSACTIONS + 1];
        full.header.transactions = transactions_hash(&full.transactions);
        assert_eq!(Block::decode(&full.encode()), Err(BlockFormatError::TooManyTransactions));
        full.transactions.pop();
        full.header.transactions = transactions_hash(&full.transactions);
        assert_eq!(Block::decode(&full.encode()), Ok(full));
    }
}
