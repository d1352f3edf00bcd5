use sha1_checked::Digest;

use super::ways::{NEEDS, suspected};
use super::*;
use crate::testing::noise;

/// The first 320 bytes of the two documents of shattered.io; the second differs by [`SHATTERED_DIFFERENCE`].
const SHATTERED: &str = "\
    255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f48656967687420332030\
    20522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163\
    652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0aff\
    d8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe017346dc9166b67e11\
    8f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd728f\
    0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c\
    76215660dd309791d06bd0af3f98cda4bc4629b1";
const SHATTERED_DIFFERENCE: &str = "\
    0c000002c0000010b400001c3c000004bc00001a200000102400001cec000014\
    0c000002c0000010b400001c2c000004bc000018b00000100000000cb8000010\
    0c000002c0000010b400001c3c000004bc00001a200000102400001cec000014\
    0c000002c0000010b400001c2c000004bc000018b00000100000000cb8000010";
/// The first message of "SHA-1 is a shambles", a collision of chosen beginnings.
const SHAMBLES: &[u8] = include_bytes!("checked/sha-mbles-1.bin");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn ours(bytes: &[u8]) -> Option<[u8; 20]> {
    let mut sum = Sha1::new();
    sum.update(bytes);
    sum.finish()
}

fn theirs(bytes: &[u8]) -> Option<[u8; 20]> {
    let sum = sha1_checked::Sha1::try_digest(bytes);
    (!sum.has_collision()).then(|| (*sum.hash()).into())
}

fn words(block: &[u8]) -> [u32; STEPS] {
    look(block).0
}

/// The words of all steps, and of which ways the block may be one half.
fn look(block: &[u8]) -> ([u32; STEPS], Suspicion) {
    let mut words = [[0; LANES]; STEPS];
    let suspected = suspected(std::slice::from_ref(Block::from_slice(block)), &mut words);
    (words.map(|word| word[0]), suspected[0])
}

#[test]
fn every_length_has_the_sum_that_others_compute() {
    let noise = noise(11, 70_000);
    for length in (0..1_500).chain([4_095, 4_096, 65_536, 69_999]) {
        assert_eq!(ours(&noise[..length]), theirs(&noise[..length]), "{length}");
    }
}

#[test]
fn pieces_make_the_same_sum() {
    let noise = noise(12, 40_000);
    let mut random = fastrand::Rng::with_seed(12);
    for _ in 0..50 {
        let mut sum = Sha1::new();
        let mut left = noise.as_slice();
        while !left.is_empty() {
            let (piece, rest) = left.split_at(random.usize(1..=left.len().min(3_000)));
            sum.update(piece);
            left = rest;
        }
        assert_eq!(sum.finish(), theirs(&noise));
    }
}

#[test]
fn both_halves_of_known_collisions_are_found() {
    let first = bytes(SHATTERED);
    let mut second = first.clone();
    for (byte, difference) in second[192..].iter_mut().zip(bytes(SHATTERED_DIFFERENCE)) {
        *byte ^= difference;
    }
    let plain = |bytes: &[u8]| <[u8; 20]>::from(sha1::Sha1::digest(bytes));
    assert!(first != second && plain(&first) == plain(&second));
    for half in [first.as_slice(), &second, SHAMBLES] {
        assert_eq!((ours(half), theirs(half)), (None, None));
        // Wherever the two blocks stand in what is taken in at once, and whatever follows.
        for behind in [1, 63, 64, 5_000] {
            assert_eq!(ours(&[half, &noise(behind as u64, behind)].concat()), None);
        }
        let mut piecemeal = Sha1::new();
        half.chunks(7).for_each(|piece| piecemeal.update(piece));
        assert_eq!(piecemeal.finish(), None);
        // Half of the attack is none.
        assert_eq!(ours(&half[..256]).is_some(), theirs(&half[..256]).is_some());
        let mut spoilt = half.to_vec();
        spoilt[250] ^= 1;
        assert_eq!(ours(&spoilt), theirs(&spoilt));
    }
}

#[test]
fn every_way_leads_to_a_message_with_the_end_that_was_computed() {
    let noise = noise(13, 64 * 32);
    for (number, (way, block)) in WAYS.iter().zip(noise.chunks(64)).enumerate() {
        let difference = &way.difference;
        for step in 16..STEPS {
            let expanded =
                difference[step - 3] ^ difference[step - 8] ^ difference[step - 14] ^ difference[step - 16];
            assert_eq!(difference[step], expanded.rotate_left(1), "{number}: {step}");
        }
        let message = words(block);
        let before = [number as u32 * 7, 1, 2, 3, 4];
        let (start, end) = other_half(&message, &before, way);
        let other: Block =
            (0..16).flat_map(|step| (message[step] ^ difference[step]).to_be_bytes()).collect();
        let mut state = start;
        sha1::compress(&mut state, &[other]);
        assert_eq!(state, end, "{number}");
        assert_ne!(start, before, "{number}");
    }
}

#[test]
fn ways_and_suspicions_are_those_of_the_reference() {
    // Both figures were computed with the tables and the code of `sha1-checked` 0.10, which are those of git.
    let mut ways = crc32fast::Hasher::new();
    for way in &WAYS {
        ways.update(&(way.meeting as u32).to_le_bytes());
        way.difference.iter().for_each(|word| ways.update(&word.to_le_bytes()));
    }
    let mut suspicions = crc32fast::Hasher::new();
    let mut suspected = 0;
    for block in noise(14, 64 * 100_000).chunks(64) {
        let (_, suspicion) = look(block);
        suspected += u32::from(suspicion != 0);
        suspicions.update(&suspicion.to_le_bytes());
    }
    assert_eq!((ways.finalize(), suspected, suspicions.finalize()), (4_204_965_592, 4_799, 1_435_771_912));
}

#[test]
fn all_lanes_are_looked_at_alike() {
    let noise = noise(15, 64 * LANES);
    let blocks: Vec<Block> = noise.chunks(64).map(|block| *Block::from_slice(block)).collect();
    let mut all = [[0; LANES]; STEPS];
    let together = suspected(&blocks, &mut all);
    for (lane, block) in blocks.iter().enumerate() {
        let message = words(block);
        let suspicion = NEEDS.iter().fold(u32::MAX, |suspicion, (one, one_bit, two, two_bit, same, ways)| {
            let alike = (message[*one] >> one_bit ^ message[*two] >> two_bit) & 1 == 0;
            if alike == *same { suspicion } else { suspicion & !ways }
        });
        assert_eq!(together[lane], suspicion, "{lane}");
    }
}
