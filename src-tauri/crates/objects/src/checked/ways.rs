//! The ways in which the messages of all known attacks differ, and what each of them needs of a message.

use super::Block;

/// Steps of SHA-1.
pub(super) const STEPS: usize = 80;
/// Blocks that are looked at together.
pub(super) const LANES: usize = 16;

/// A word of several messages side by side.
pub(super) type Lanes = [u32; LANES];
/// The words of all steps.
pub(super) type Words = [Lanes; STEPS];
/// Of which ways a message may be; the lowest bit is that of the first.
pub(super) type Suspicion = u32;

/// A way in which two messages differ.
pub(super) struct Way {
    /// The step before which both are in the same state.
    pub(super) meeting: usize,
    /// The bits that differ, by step.
    pub(super) difference: [u32; STEPS],
}

/// All ways, in the order of the bits of a [`Suspicion`].
pub(super) static WAYS: [Way; 32] = [
    way(Kind::One, 43, 0),
    way(Kind::One, 44, 0),
    way(Kind::One, 45, 0),
    way(Kind::One, 46, 0),
    way(Kind::One, 46, 2),
    way(Kind::One, 47, 0),
    way(Kind::One, 47, 2),
    way(Kind::One, 48, 0),
    way(Kind::One, 48, 2),
    way(Kind::One, 49, 0),
    way(Kind::One, 49, 2),
    way(Kind::One, 50, 0),
    way(Kind::One, 50, 2),
    way(Kind::One, 51, 0),
    way(Kind::One, 51, 2),
    way(Kind::One, 52, 0),
    way(Kind::Two, 45, 0),
    way(Kind::Two, 46, 0),
    way(Kind::Two, 46, 2),
    way(Kind::Two, 47, 0),
    way(Kind::Two, 48, 0),
    way(Kind::Two, 49, 0),
    way(Kind::Two, 49, 2),
    way(Kind::Two, 50, 0),
    way(Kind::Two, 50, 2),
    way(Kind::Two, 51, 0),
    way(Kind::Two, 51, 2),
    way(Kind::Two, 52, 0),
    way(Kind::Two, 53, 0),
    way(Kind::Two, 54, 0),
    way(Kind::Two, 55, 0),
    way(Kind::Two, 56, 0),
];

/// The two kinds of disturbance vectors that any attack was built on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Two,
}

/// The way of the disturbance vector of this kind that starts at step `start`, turned by `turn` bits.
const fn way(kind: Kind, start: usize, turn: u32) -> Way {
    // Steps from five before the first on: what is disturbed there is still being corrected in it.
    const BEFORE: usize = 5;
    let mut disturbed = [0_u32; BEFORE + STEPS];
    let start_at = BEFORE + start;
    disturbed[start_at + 15] = 1_u32.rotate_left(turn);
    if matches!(kind, Kind::Two) {
        disturbed[start_at + 1] = (1_u32 << 31).rotate_left(turn);
        disturbed[start_at + 3] = (1_u32 << 31).rotate_left(turn);
    }
    // Sixteen in a row determine all others, by the expansion of a message.
    let mut at = start_at + 16;
    while at < BEFORE + STEPS {
        disturbed[at] =
            (disturbed[at - 3] ^ disturbed[at - 8] ^ disturbed[at - 14] ^ disturbed[at - 16]).rotate_left(1);
        at += 1;
    }
    let mut at = start_at;
    while at > 0 {
        at -= 1;
        disturbed[at] =
            disturbed[at + 16].rotate_right(1) ^ disturbed[at + 13] ^ disturbed[at + 8] ^ disturbed[at + 2];
    }
    // A disturbed bit is corrected in the five steps that follow.
    let mut difference = [0; STEPS];
    let mut step = 0;
    while step < STEPS {
        let at = step + BEFORE;
        difference[step] = disturbed[at]
            ^ disturbed[at - 1].rotate_left(5)
            ^ disturbed[at - 2]
            ^ disturbed[at - 3].rotate_left(30)
            ^ disturbed[at - 4].rotate_left(30)
            ^ disturbed[at - 5].rotate_left(30);
        step += 1;
    }
    Way { meeting: if start < 50 { 58 } else { 65 }, difference }
}

/// Takes in the words of up to [`LANES`] blocks with those of the later steps, and says of which ways each message may
/// be one half.
pub(super) fn suspected(blocks: &[Block], words: &mut Words) -> [Suspicion; LANES] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for.
        #[allow(unsafe_code, reason = "the only way to instructions that not every processor has")]
        return unsafe { suspected_widely(blocks, words) };
    }
    look(blocks, words)
}

/// The same, compiled for eight words at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn suspected_widely(blocks: &[Block], words: &mut Words) -> [Suspicion; LANES] {
    look(blocks, words)
}

#[inline(always)]
fn look(blocks: &[Block], words: &mut Words) -> [Suspicion; LANES] {
    for (lane, block) in blocks.iter().enumerate().take(LANES) {
        for (words, bytes) in words.iter_mut().zip(block.as_chunks().0) {
            words[lane] = u32::from_be_bytes(*bytes);
        }
    }
    for step in 16..STEPS {
        let (before, rest) = words.split_at_mut(step);
        let [one, two, three, four] = [3, 8, 14, 16].map(|back| &before[step - back]);
        for (lane, word) in rest[0].iter_mut().enumerate() {
            *word = (one[lane] ^ two[lane] ^ three[lane] ^ four[lane]).rotate_left(1);
        }
    }
    let mut suspected = [Suspicion::MAX; LANES];
    for (one, one_bit, two, two_bit, same, ways) in &NEEDS {
        let (one, two, wrong) = (&words[*one], &words[*two], if *same { 0 } else { u32::MAX });
        for (lane, suspicion) in suspected.iter_mut().enumerate() {
            // All bits are set if the two bits differ.
            let differ = ((one[lane] << (31 - one_bit)) ^ (two[lane] << (31 - two_bit))).cast_signed() >> 31;
            *suspicion &= !((differ.cast_unsigned() ^ wrong) & ways);
        }
    }
    suspected
}

/// The relation of two bits that some ways need: step and bit of one, step and bit of the other, whether they have to
/// be the same, and which ways need that.
pub(super) type Need = (usize, u32, usize, u32, bool, Suspicion);

const SAME: bool = true;
const OTHER: bool = false;

#[rustfmt::skip]
pub(super) const NEEDS: [Need; 156] = [
    (44, 29, 45, 29, SAME, 0x0283_a080),
    (46, 29, 47, 29, SAME, 0x1818_0801),
    (45, 4, 48, 29, SAME, 0x2020_2224),
    (49, 29, 50, 29, SAME, 0xc281_0008),
    (44, 4, 47, 29, SAME, 0x1010_088a),
    (43, 4, 46, 29, SAME, 0x0808_0225),
    (45, 6, 47, 6, SAME, 0x0000_4440),
    (44, 6, 46, 6, SAME, 0x0000_1110),
    (48, 29, 49, 29, SAME, 0x60a0_8004),
    (41, 1, 42, 6, OTHER, 0x0404_0100),
    (40, 29, 41, 29, SAME, 0x800a_00a2),
    (40, 1, 41, 6, OTHER, 0x0100_4040),
    (39, 1, 40, 6, OTHER, 0x0040_1010),
    (47, 29, 48, 29, SAME, 0x3030_2002),
    (45, 29, 46, 29, SAME, 0x0a0a_8200),
    (46, 4, 49, 29, SAME, 0x4080_8888),
    (47, 4, 50, 29, SAME, 0x8201_2220),
    (36, 1, 37, 6, OTHER, 0x0004_1040),
    (47, 6, 49, 6, SAME, 0x0000_4400),
    (47, 1, 46, 6, SAME, 0x0100_0010),
    (43, 1, 42, 6, SAME, 0x0404_0000),
    (41, 4, 44, 29, SAME, 0x0081_2025),
    (53, 29, 54, 29, SAME, 0x6022_0800),
    (44, 1, 45, 6, OTHER, 0x0040_4000),
    (42, 4, 45, 29, SAME, 0x0202_808a),
    (52, 29, 53, 29, SAME, 0x3011_0200),
    (40, 4, 43, 29, SAME, 0x8020_080a),
    (48, 1, 47, 6, SAME, 0x0400_0040),
    (46, 6, 48, 6, SAME, 0x0000_1100),
    (35, 1, 36, 6, OTHER, 0x0000_0410),
    (39, 4, 42, 29, SAME, 0x4010_0205),
    (42, 1, 41, 6, SAME, 0x0100_4000),
    (41, 1, 40, 6, SAME, 0x0040_1000),
    (50, 29, 51, 29, SAME, 0x8a02_0020),
    (51, 29, 52, 29, SAME, 0x1808_0080),
    (61, 2, 62, 7, OTHER, 0x0004_0010),
    (43, 6, 45, 6, SAME, 0x0000_0440),
    (43, 29, 44, 29, SAME, 0x00a1_2820),
    (42, 6, 44, 6, SAME, 0x0000_0110),
    (37, 4, 40, 29, SAME, 0x5002_0021),
    (38, 4, 41, 29, SAME, 0xa008_0082),
    (53, 6, 54, 1, SAME, 0x0040_0000),
    (54, 6, 55, 1, SAME, 0x0100_0000),
    (55, 6, 56, 1, SAME, 0x0400_0000),
    (42, 29, 43, 29, SAME, 0x0030_0a08),
    (51, 1, 50, 6, SAME, 0x0004_1000),
    (37, 1, 38, 6, OTHER, 0x0000_4100),
    (48, 4, 51, 29, SAME, 0x0802_8880),
    (54, 29, 55, 29, SAME, 0xc088_2000),
    (39, 4, 41, 4, OTHER, 0x4000_0005),
    (49, 6, 50, 1, SAME, 0x0000_0400),
    (51, 6, 53, 6, SAME, 0x0040_0000),
    (52, 6, 54, 6, SAME, 0x0100_0000),
    (53, 6, 55, 6, SAME, 0x0400_0000),
    (50, 4, 53, 29, SAME, 0x2012_8800),
    (49, 4, 52, 29, SAME, 0x1009_2200),
    (48, 6, 50, 6, SAME, 0x0004_1000),
    (55, 29, 56, 29, SAME, 0x8210_8000),
    (45, 29, 47, 29, OTHER, 0x0000_008a),
    (44, 29, 46, 29, OTHER, 0x0000_0025),
    (62, 2, 63, 7, OTHER, 0x0000_0040),
    (63, 2, 64, 7, OTHER, 0x0000_0100),
    (42, 1, 50, 1, OTHER, 0x0000_0400),
    (50, 1, 54, 1, OTHER, 0x0040_0000),
    (51, 1, 55, 1, OTHER, 0x0100_0000),
    (52, 1, 56, 1, OTHER, 0x0400_0000),
    (36, 4, 40, 29, SAME, 0x0011_0208),
    (56, 4, 59, 29, SAME, 0x2800_0000),
    (51, 4, 54, 29, SAME, 0x4028_2000),
    (52, 4, 55, 29, SAME, 0x8090_8000),
    (37, 4, 39, 4, OTHER, 0x5000_0001),
    (56, 29, 59, 29, OTHER, 0x0a00_0000),
    (40, 6, 42, 6, SAME, 0x0000_0010),
    (47, 1, 51, 1, OTHER, 0x0004_0000),
    (41, 6, 43, 6, SAME, 0x0000_0040),
    (48, 6, 49, 1, SAME, 0x0000_0100),
    (39, 6, 40, 1, SAME, 0x0000_0400),
    (51, 6, 52, 1, SAME, 0x0000_4000),
    (45, 6, 46, 1, SAME, 0x0040_0000),
    (45, 1, 47, 1, OTHER, 0x0100_0000),
    (46, 1, 48, 1, OTHER, 0x0400_0000),
    (41, 29, 42, 29, SAME, 0x0018_0284),
    (40, 4, 42, 4, OTHER, 0x8000_000a),
    (38, 4, 40, 4, OTHER, 0xa000_0002),
    (63, 1, 64, 6, OTHER, 0x0001_0004),
    (57, 29, 58, 29, SAME, 0x1080_0000),
    (56, 29, 57, 29, SAME, 0x0820_0000),
    (43, 1, 51, 1, OTHER, 0x0000_1000),
    (38, 1, 40, 1, OTHER, 0x0000_0400),
    (49, 6, 51, 6, SAME, 0x0000_4000),
    (37, 5, 41, 30, SAME, 0x0040_0000),
    (38, 5, 42, 30, SAME, 0x0100_0000),
    (39, 5, 43, 30, SAME, 0x0400_0000),
    (58, 29, 59, 29, SAME, 0x2200_0000),
    (51, 29, 54, 29, OTHER, 0x000a_0800),
    (50, 29, 52, 29, OTHER, 0x0001_2200),
    (53, 29, 56, 29, OTHER, 0x0030_8000),
    (46, 29, 48, 29, OTHER, 0x0000_0224),
    (47, 29, 49, 29, OTHER, 0x0000_0888),
    (55, 4, 58, 29, SAME, 0x1200_0000),
    (54, 4, 57, 29, SAME, 0x0880_0000),
    (61, 1, 62, 6, OTHER, 0x0000_0001),
    (37, 1, 37, 6, SAME, 0x0000_4000),
    (36, 0, 41, 30, OTHER, 0x0040_0000),
    (37, 0, 42, 30, OTHER, 0x0100_0000),
    (38, 0, 43, 30, OTHER, 0x0400_0000),
    (48, 29, 50, 29, OTHER, 0x0000_2220),
    (49, 29, 51, 29, OTHER, 0x0000_8880),
    (61, 0, 62, 5, OTHER, 0x0002_0008),
    (60, 0, 61, 5, OTHER, 0x0001_0004),
    (53, 4, 56, 29, SAME, 0x0220_0000),
    (36, 4, 38, 4, OTHER, 0x2800_0000),
    (59, 5, 63, 30, SAME, 0x0000_0001),
    (62, 1, 63, 6, OTHER, 0x0000_0002),
    (35, 5, 39, 30, SAME, 0x0000_4000),
    (38, 4, 42, 29, SAME, 0x0080_2000),
    (35, 4, 39, 29, SAME, 0x0008_0084),
    (39, 4, 43, 29, SAME, 0x0200_8000),
    (58, 0, 63, 30, OTHER, 0x0000_0001),
    (60, 5, 64, 30, SAME, 0x0000_0002),
    (58, 29, 61, 29, OTHER, 0x1000_0000),
    (59, 4, 63, 29, SAME, 0x4000_0000),
    (62, 0, 63, 5, OTHER, 0x0008_0020),
    (37, 4, 41, 29, SAME, 0x0020_0800),
    (48, 29, 55, 29, OTHER, 0x0000_a000),
    (59, 0, 64, 30, OTHER, 0x0000_0002),
    (55, 29, 58, 29, OTHER, 0x0080_0000),
    (59, 29, 60, 29, SAME, 0x0800_0000),
    (57, 4, 61, 29, SAME, 0x1000_0000),
    (58, 4, 62, 29, SAME, 0x2000_0000),
    (57, 4, 59, 29, SAME, 0x4000_0000),
    (60, 4, 64, 29, SAME, 0x8000_0000),
    (63, 0, 64, 5, OTHER, 0x0010_0080),
    (35, 3, 39, 28, SAME, 0x0008_2000),
    (37, 3, 41, 28, SAME, 0x0020_0000),
    (38, 3, 42, 28, SAME, 0x0080_0000),
    (39, 3, 43, 28, SAME, 0x0200_0000),
    (40, 3, 44, 28, SAME, 0x0800_0000),
    (41, 3, 45, 28, SAME, 0x1000_0000),
    (42, 3, 46, 28, SAME, 0x2000_0000),
    (43, 3, 47, 28, SAME, 0x4000_0000),
    (44, 3, 48, 28, SAME, 0x8000_0000),
    (36, 4, 37, 4, OTHER, 0x0000_0800),
    (38, 4, 39, 4, OTHER, 0x0000_8000),
    (36, 3, 40, 28, SAME, 0x0010_0000),
    (36, 30, 41, 28, OTHER, 0x0020_0000),
    (37, 30, 42, 28, OTHER, 0x0080_0000),
    (38, 30, 43, 28, OTHER, 0x0200_0000),
    (40, 4, 44, 29, SAME, 0x0800_0000),
    (41, 4, 45, 29, SAME, 0x1000_0000),
    (42, 4, 46, 29, SAME, 0x2000_0000),
    (43, 4, 47, 29, SAME, 0x4000_0000),
    (44, 4, 48, 29, SAME, 0x8000_0000),
    (37, 4, 38, 4, OTHER, 0x0000_2000),
    (35, 30, 40, 28, OTHER, 0x0010_0000),
    (39, 30, 44, 28, OTHER, 0x0800_0000),
];
