//! Makes the program by which the kernel judges system calls.
//!
//! The kernel runs a new program once for every number there is, to learn which calls need no judging at all; a search
//! that halves the numbers keeps that short, where going through a list takes half a millisecond a command.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, sock_filter};

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// “Not permitted.”
    Refused,
    /// “There is no such call.”
    Unknown,
    /// “Not here”: what programs take in their stride, of a file system that lacks something.
    Unsupported,
    /// Refused if every condition of one of these sets holds, allowed otherwise.
    RefusedIf(Vec<Vec<Condition>>),
}

/// Something about an argument, by its place from 0; of its lower half if nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// These bits have this value.
    Masked { argument: u8, mask: u32, value: u32 },
    /// It is another value.
    IsNot { argument: u8, value: u32 },
    /// Its upper half is not zero.
    IsLong { argument: u8 },
}

/// A processor whose numbers we do not know.
#[derive(Debug, thiserror::Error)]
#[error("system calls of this processor are not known")]
pub(super) struct UnknownProcessor;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
const UNSUPPORTED: u32 = libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP as u32;

/// Places in what a program sees of a call: number, architecture, arguments, of which the lower half comes first.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

#[cfg(target_arch = "x86_64")]
const OURS: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const OURS: Option<u32> = Some(0xc000_00b7);
#[cfg(target_arch = "riscv64")]
const OURS: Option<u32> = Some(0xc000_00f3);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const OURS: Option<u32> = None;

/// The x32 way of calling the same kernel has numbers of its own from here on.
#[cfg(target_arch = "x86_64")]
const SECOND_NUMBERING: Option<u32> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const SECOND_NUMBERING: Option<u32> = None;

/// Allows every call but those that are named. Calls of another architecture end the process.
pub(super) fn program(verdicts: &BTreeMap<u32, Verdict>) -> Result<BpfProgram, UnknownProcessor> {
    let ours = OURS.ok_or(UnknownProcessor)?;
    let mut program = vec![
        instruction(LOAD, ARCHITECTURE),
        branch(IS, ours, 1, 0),
        instruction(RETURN, KILL),
        instruction(LOAD, NUMBER),
    ];
    if let Some(first) = SECOND_NUMBERING {
        program.extend([branch(AT_LEAST, first, 0, 1), instruction(RETURN, REFUSE)]);
    }
    search(&ranges(verdicts), &mut program);
    Ok(program)
}

/// What becomes of all numbers from each of these on, until the next. `None` is allowed.
fn ranges(verdicts: &BTreeMap<u32, Verdict>) -> Vec<(u32, Option<&Verdict>)> {
    let mut ranges: Vec<(u32, Option<&Verdict>)> = vec![(0, None)];
    for (&number, verdict) in verdicts {
        for (first, verdict) in [(number, Some(verdict)), (number.saturating_add(1), None)] {
            match ranges.last_mut() {
                // The number follows one of a verdict that the list names.
                Some(last) if last.0 == first => last.1 = verdict,
                _ => ranges.push((first, verdict)),
            }
        }
    }
    ranges.dedup_by(|next, before| next.1 == before.1);
    ranges
}

fn search(ranges: &[(u32, Option<&Verdict>)], program: &mut BpfProgram) {
    match ranges {
        [] | [(_, None)] => program.push(instruction(RETURN, ALLOW)),
        [(_, Some(verdict))] => judge(verdict, program),
        many => {
            let (lower, upper) = many.split_at(many.len() / 2);
            let branching = program.len();
            program.push(branch(AT_LEAST, upper[0].0, 0, 0));
            search(lower, program);
            let past = program.len() - branching - 1;
            if let Ok(past) = u8::try_from(past) {
                program[branching].jt = past;
            } else {
                // Only a plain jump is long enough.
                program[branching].jf = 1;
                program.insert(branching + 1, instruction(JUMP, past as u32));
            }
            search(upper, program);
        }
    }
}

fn judge(verdict: &Verdict, program: &mut BpfProgram) {
    match verdict {
        Verdict::Refused => program.push(instruction(RETURN, REFUSE)),
        Verdict::Unknown => program.push(instruction(RETURN, UNKNOWN)),
        Verdict::Unsupported => program.push(instruction(RETURN, UNSUPPORTED)),
        Verdict::RefusedIf(sets) => {
            for set in sets {
                let mut checks = Vec::new();
                for condition in set {
                    let (argument, half, value) = match *condition {
                        Condition::Masked { argument, value, .. } | Condition::IsNot { argument, value } => {
                            (argument, 0, value)
                        }
                        Condition::IsLong { argument } => (argument, 4, 0),
                    };
                    checks.push(instruction(LOAD, ARGUMENTS + 8 * u32::from(argument) + half));
                    if let Condition::Masked { mask, .. } = condition {
                        checks.push(instruction(AND, *mask));
                    }
                    checks.push(instruction(IS, value));
                }
                // Behind the checks stands the refusal; one that does not hold leads past it.
                let end = checks.len() + 1;
                let mut conditions = set.iter();
                for (place, check) in checks.iter_mut().enumerate().filter(|(_, check)| check.code == IS) {
                    let past = (end - place - 1) as u8;
                    (check.jt, check.jf) = match conditions.next() {
                        Some(Condition::IsNot { .. } | Condition::IsLong { .. }) => (past, 0),
                        Some(Condition::Masked { .. }) | None => (0, past),
                    };
                }
                program.extend(checks);
                program.push(instruction(RETURN, REFUSE));
            }
            program.push(instruction(RETURN, ALLOW));
        }
    }
}

fn instruction(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn branch(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does.
    fn answer(program: &BpfProgram, architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let (mut at, mut value) = (0, 0);
        for _ in 0..program.len() {
            let step = &program[at];
            at += 1;
            match step.code {
                LOAD => {
                    value = match step.k {
                        NUMBER => number,
                        ARCHITECTURE => architecture,
                        place => {
                            let argument = arguments[(place - ARGUMENTS) as usize / 8];
                            (argument >> (8 * (place % 8))) as u32
                        }
                    };
                }
                AND => value &= step.k,
                IS => at += usize::from(if value == step.k { step.jt } else { step.jf }),
                AT_LEAST => at += usize::from(if value >= step.k { step.jt } else { step.jf }),
                JUMP => at += step.k as usize,
                RETURN => return step.k,
                code => panic!("{code}"),
            }
        }
        panic!("no end");
    }

    #[test]
    fn every_number_gets_its_verdict() {
        let conditions = vec![
            vec![
                Condition::Masked { argument: 0, mask: 0xf0, value: 0x30 },
                Condition::IsNot { argument: 1, value: 7 },
            ],
            vec![Condition::IsNot { argument: 2, value: 1 }, Condition::IsNot { argument: 2, value: 2 }],
            vec![Condition::IsLong { argument: 5 }],
        ];
        let mut verdicts: BTreeMap<u32, Verdict> =
            (0..600).step_by(3).map(|at| (at, Verdict::Refused)).collect();
        verdicts.insert(301, Verdict::Unknown);
        verdicts.insert(302, Verdict::Unsupported);
        verdicts.insert(400, Verdict::RefusedIf(conditions));
        let program = program(&verdicts).unwrap();
        let ours = OURS.unwrap();
        for number in 0..700 {
            let expected = match verdicts.get(&number) {
                Some(Verdict::Refused) => REFUSE,
                Some(Verdict::Unknown) => UNKNOWN,
                Some(Verdict::Unsupported) => UNSUPPORTED,
                Some(Verdict::RefusedIf(_)) | None => ALLOW,
            };
            assert_eq!(answer(&program, ours, number, [0, 7, 1, 0, 0, 0]), expected, "{number}");
        }
        for (arguments, expected) in [
            ([0x35, 8, 1, 0, 0, 0], REFUSE),
            ([0x35, 7, 1, 0, 0, 0], ALLOW),
            ([0x45, 8, 2, 0, 0, 0], ALLOW),
            ([0x45, 7, 3, 0, 0, 0], REFUSE),
            ([0x45, 7, 1, 0, 0, 0xffff_ffff], ALLOW),
            ([0x45, 7, 1, 0, 0, 0x1_0000_0000], REFUSE),
        ] {
            assert_eq!(answer(&program, ours, 400, arguments), expected, "{arguments:?}");
        }
        assert_eq!(answer(&program, ours ^ 1, 1, [0; 6]), KILL);
        if let Some(first) = SECOND_NUMBERING {
            assert_eq!(answer(&program, ours, first + 1, [0; 6]), REFUSE);
        }
    }
}
