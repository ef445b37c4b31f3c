//! Where the rows of a replay wait until their partition's turn comes: in memory, and beyond a limit in a temporary file.
//!
//! A partition holds the entities whose numbers end in the same bits. Its rows come in pieces, from any thread; each piece
//! knows from which part of the log it is and which of that part's pieces, so the order of the log can be had again.
//! Not here: what a row says (`rows.rs`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Words in a full piece: 32 KiB.
pub(super) const PIECE: usize = 4096;

/// Some rows of one partition.
#[derive(Debug)]
struct Piece {
    /// The part of the log, and the number of the piece within it.
    order: (u32, u32),
    words: Words,
}

#[derive(Debug)]
enum Words {
    Held(Vec<u64>),
    /// So many words at this place of the file.
    Spilled(u64, usize),
}

impl Words {
    fn len(&self) -> usize {
        match self {
            Self::Held(words) => words.len(),
            Self::Spilled(_, len) => *len,
        }
    }
}

/// The rows of one lane, by partition.
#[derive(Debug)]
pub(super) struct Store {
    partitions: Vec<Mutex<Vec<Piece>>>,
}

/// What is common to the stores of a replay: how much memory they may take, and the file that takes the rest.
#[derive(Debug)]
pub(super) struct Room {
    held: AtomicU64,
    limit: u64,
    spilled: Mutex<Option<(File, u64)>>,
}

impl Room {
    /// Room for so many bytes in memory.
    pub fn new(limit: u64) -> Self {
        Self { held: AtomicU64::new(0), limit, spilled: Mutex::new(None) }
    }

    /// How many bytes went to the disk.
    pub fn spilled(&self) -> u64 {
        lock(&self.spilled).as_ref().map_or(0, |(_, bytes)| *bytes)
    }

    fn put(&self, words: Vec<u64>) -> io::Result<Words> {
        let bytes = 8 * words.len() as u64;
        if self.held.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.limit {
            return Ok(Words::Held(words));
        }
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut spilled = lock(&self.spilled);
        if spilled.is_none() {
            *spilled = Some((tempfile::tempfile()?, 0));
        }
        let Some((file, end)) = spilled.as_mut() else { return Ok(Words::Held(words)) };
        let start = *end;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(&raw)?;
        *end += raw.len() as u64;
        Ok(Words::Spilled(start, words.len()))
    }

    fn read(&self, words: &Words, into: &mut Vec<u64>) -> io::Result<()> {
        match words {
            Words::Held(words) => into.extend_from_slice(words),
            Words::Spilled(start, len) => {
                let mut raw = vec![0; 8 * len];
                if let Some((file, _)) = lock(&self.spilled).as_mut() {
                    file.seek(SeekFrom::Start(*start))?;
                    file.read_exact(&mut raw)?;
                }
                into.extend(raw.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)));
            }
        }
        Ok(())
    }

    fn drop(&self, words: Words) {
        if let Words::Held(words) = words {
            self.held.fetch_sub(8 * words.len() as u64, Ordering::Relaxed);
        }
    }
}

impl Store {
    /// An empty one of so many partitions.
    pub fn new(partitions: usize) -> Self {
        Self { partitions: (0..partitions).map(|_| Mutex::default()).collect() }
    }

    /// Adds a piece of a partition.
    pub fn put(&self, room: &Room, partition: usize, order: (u32, u32), words: Vec<u64>) -> io::Result<()> {
        let words = room.put(words)?;
        lock(&self.partitions[partition]).push(Piece { order, words });
        Ok(())
    }

    /// How many words a partition has.
    pub fn words(&self, partition: usize) -> usize {
        lock(&self.partitions[partition]).iter().map(|piece| piece.words.len()).sum()
    }

    /// The rows of a partition, in the order of the log, into `into`; and where each part's rows begin there: (part,
    /// first word). Unless they are to be kept for another one who takes them, the store has them no more.
    pub fn take(
        &self,
        room: &Room,
        partition: usize,
        keep: bool,
        into: &mut Vec<u64>,
    ) -> io::Result<Vec<(u32, usize)>> {
        let mut pieces = lock(&self.partitions[partition]);
        pieces.sort_unstable_by_key(|piece| piece.order);
        into.clear();
        into.reserve(pieces.iter().map(|piece| piece.words.len()).sum());
        let mut begins: Vec<(u32, usize)> = Vec::new();
        let mut read = |Piece { order: (part, _), words }: &Piece| {
            if begins.last().is_none_or(|(last, _)| last != part) {
                begins.push((*part, into.len()));
            }
            room.read(words, into)
        };
        if keep {
            pieces.iter().try_for_each(read)?;
        } else {
            for piece in pieces.drain(..) {
                read(&piece)?;
                room.drop(piece.words);
            }
            pieces.shrink_to_fit();
        }
        Ok(begins)
    }
}

/// A thread that panicked ends the replay, so what it held is not looked at again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spilled_comes_back_in_the_order_of_the_log() {
        for limit in [0, 40, u64::MAX] {
            let (room, store) = (Room::new(limit), Store::new(2));
            store.put(&room, 1, (1, 0), vec![5, 6]).unwrap();
            store.put(&room, 1, (0, 1), vec![3, 4]).unwrap();
            store.put(&room, 1, (0, 0), vec![1, 2]).unwrap();
            store.put(&room, 0, (0, 0), vec![u64::MAX]).unwrap();
            assert_eq!(store.words(1), 6);
            let mut words = vec![9];
            for keep in [true, false] {
                assert_eq!(store.take(&room, 1, keep, &mut words).unwrap(), [(0, 0), (1, 4)]);
                assert_eq!(words, [1, 2, 3, 4, 5, 6]);
            }
            assert_eq!(room.spilled() > 0, limit < u64::MAX);
            assert_eq!(store.words(1), 0);
        }
    }
}
