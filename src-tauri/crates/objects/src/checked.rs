//! SHA-1 with the detection of collisions.
//!
//! The sum is computed by the crate `sha1`, with the processor's own instructions where it has them. Beside it every
//! block is tried for the 32 ways in which all known attacks make two messages differ (Stevens, *Counter-cryptanalysis*,
//! 2013): if the message that differs in one of them, run backwards and forwards from the step at which both meet,
//! ends in the same state, the block is one half of a collision. Nearly no block has to be tried, since each way needs
//! relations between bits of the message that only one block in thousands has (Stevens and Shumow, *Speeding up
//! detection of SHA-1 collision attacks using unavoidable attack conditions*, 2017). Those are looked at for several
//! blocks at once, so that it takes half the time of the crate `sha1-checked`, by which it is tested.

mod ways;

use std::ops::Range;

use sha1::digest::block_buffer::{BlockBuffer, Eager};
use sha1::digest::generic_array::GenericArray;
use sha1::digest::typenum::U64;

use ways::{LANES, STEPS, Suspicion, WAYS};

type Block = GenericArray<u8, U64>;
type State = [u32; 5];

const START: State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// A sum on its way.
#[derive(Clone)]
pub(crate) struct Sha1 {
    state: State,
    /// Blocks that are in the state.
    blocks: u64,
    rest: BlockBuffer<U64, Eager>,
    collides: bool,
}

impl Sha1 {
    pub(crate) fn new() -> Self {
        Self { state: START, blocks: 0, rest: BlockBuffer::default(), collides: false }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let Self { state, blocks, rest, collides } = self;
        rest.digest_blocks(bytes, |whole| {
            *blocks += whole.len() as u64;
            *collides |= take_in(state, whole);
        });
    }

    /// The sum; `None` if the message was made so that another one has the same.
    pub(crate) fn finish(mut self) -> Option<[u8; 20]> {
        let bits = (self.blocks * 64 + self.rest.get_pos() as u64).wrapping_mul(8);
        let Self { state, rest, collides, .. } = &mut self;
        rest.len64_padding_be(bits, |block| *collides |= take_in(state, std::slice::from_ref(block)));
        if self.collides {
            return None;
        }
        let mut sum = [0; 20];
        for (bytes, word) in sum.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        Some(sum)
    }
}

/// Takes whole blocks into the state. Whether one of them is half of a collision.
fn take_in(state: &mut State, blocks: &[Block]) -> bool {
    let mut collides = false;
    let mut words = [[0; LANES]; STEPS];
    // Blocks before this one are in the state.
    let mut taken = 0;
    for (number, group) in blocks.chunks(LANES).enumerate() {
        let suspected = ways::suspected(group, &mut words);
        for (lane, suspicion) in suspected.into_iter().enumerate().take(group.len()) {
            if suspicion == 0 {
                continue;
            }
            let message = std::array::from_fn(|step| words[step][lane]);
            let position = number * LANES + lane;
            sha1::compress(state, &blocks[taken..position]);
            let before = *state;
            sha1::compress(state, &blocks[position..=position]);
            taken = position + 1;
            collides |= is_half_of_a_collision(&message, &before, state, suspicion);
        }
    }
    sha1::compress(state, &blocks[taken..]);
    collides
}

/// Whether a message that differs in one of the suspected ways has the same end.
fn is_half_of_a_collision(
    message: &[u32; STEPS],
    before: &State,
    after: &State,
    suspicion: Suspicion,
) -> bool {
    let mut suspected = WAYS.iter().enumerate().filter(|(number, _)| suspicion >> number & 1 != 0);
    suspected.any(|(_, way)| other_half(message, before, way).1 == *after)
}

/// The states before and after the message that differs in this way and meets `message` in the middle.
fn other_half(message: &[u32; STEPS], before: &State, way: &ways::Way) -> (State, State) {
    let other = |number: usize| message[number] ^ way.difference[number];
    let mut middle = *before;
    forward(&mut middle, 0..way.meeting, |number| message[number]);
    let (mut start, mut end) = (middle, middle);
    back(&mut start, way.meeting, other);
    forward(&mut end, way.meeting..STEPS, other);
    for (end, start) in end.iter_mut().zip(start) {
        *end = end.wrapping_add(start);
    }
    (start, end)
}

/// The steps of these numbers.
fn forward(state: &mut State, steps: Range<usize>, word: impl Fn(usize) -> u32) {
    let of = |quarter: usize| steps.start.max(quarter * 20)..steps.end.min(quarter * 20 + 20);
    of(0).for_each(|number| step::<0>(state, word(number)));
    of(1).for_each(|number| step::<1>(state, word(number)));
    of(2).for_each(|number| step::<2>(state, word(number)));
    of(3).for_each(|number| step::<3>(state, word(number)));
}

/// All steps before this one, the last first.
fn back(state: &mut State, from: usize, word: impl Fn(usize) -> u32) {
    let of = |quarter: usize| (quarter * 20..from.min(quarter * 20 + 20)).rev();
    of(3).for_each(|number| step_back::<3>(state, word(number)));
    of(2).for_each(|number| step_back::<2>(state, word(number)));
    of(1).for_each(|number| step_back::<1>(state, word(number)));
    of(0).for_each(|number| step_back::<0>(state, word(number)));
}

/// What a step of this quarter adds beside the word and two parts of the state.
#[inline]
fn mixed<const QUARTER: usize>(b: u32, c: u32, d: u32) -> u32 {
    match QUARTER {
        0 => (d ^ (b & (c ^ d))).wrapping_add(0x5a82_7999),
        1 => (b ^ c ^ d).wrapping_add(0x6ed9_eba1),
        2 => ((b & c) | (d & (b | c))).wrapping_add(0x8f1b_bcdc),
        _ => (b ^ c ^ d).wrapping_add(0xca62_c1d6),
    }
}

#[inline]
#[allow(clippy::many_single_char_names, reason = "the names that the standard gives them (FIPS 180-4)")]
fn step<const QUARTER: usize>(state: &mut State, word: u32) {
    let [a, b, c, d, e] = *state;
    let first = a.rotate_left(5).wrapping_add(mixed::<QUARTER>(b, c, d)).wrapping_add(e).wrapping_add(word);
    *state = [first, a, b.rotate_left(30), c, d];
}

#[inline]
fn step_back<const QUARTER: usize>(state: &mut State, word: u32) {
    let [first, a, b, c, d] = *state;
    let b = b.rotate_right(30);
    let rest = a.rotate_left(5).wrapping_add(mixed::<QUARTER>(b, c, d)).wrapping_add(word);
    *state = [a, b, c, d, first.wrapping_sub(rest)];
}

#[cfg(test)]
#[path = "checked_tests.rs"]
mod tests;
