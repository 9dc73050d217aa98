//! From the table to a classic BPF program.
//!
//! A binary search over the call numbers with one instruction per unconditional call, instead of the linear chain of the
//! usual compilers: the kernel walks a filter once for each of its ~470 calls when it is installed (to learn which need no
//! check at run time) and translates it into machine code. What is installed in every spare is only the difference between its
//! filter and its zygote's, some twenty instructions: those are microseconds of every document.

use super::table::{Allow, Check, Row};
use libc::sock_filter;
use std::collections::BTreeMap;

/// A compiled filter.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    code: Vec<sock_filter>,
    /// Where the number of the installing process has to be written.
    own_pid_at: Vec<usize>,
}

/// The table does not fit the jump distances of classic BPF. Only a much larger table could, and a test would say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// What happens to a call that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// The process dies of SIGSYS.
    Kill,
    /// The call answers with this errno.
    Answer(u16),
}

impl Otherwise {
    fn action(self) -> u32 {
        match self {
            Otherwise::Kill => libc::SECCOMP_RET_KILL_PROCESS,
            Otherwise::Answer(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        }
    }
}

impl Program {
    /// Compiles the union of some tables: a call that stands in several is allowed where any of them allows it.
    pub(crate) fn compile(tables: &[&[Row]], otherwise: Otherwise) -> Result<Program, TooLarge> {
        let calls: Vec<(u32, Allowed)> = union(tables)?.into_iter().collect();
        let mut assembler = Assembler::default();
        assembler.load(ARCHITECTURE_AT);
        assembler.jump_if_equal(AUDIT_ARCH, Target::Next, Target::Kill);
        assembler.load(CALL_AT);
        assembler.search(&calls);
        assembler.finish(otherwise.action())
    }

    /// Compiles what is missing to a process that has the filter of the tables `inherited` and is to have that of `tables`, which are
    /// some of them: the calls that it loses. A process has the strictest answer of all its filters, so both together are the
    /// filter of `tables`; and this one is short, which is what its installation costs.
    pub(crate) fn narrow(tables: &[&[Row]], inherited: &[&[Row]], otherwise: Otherwise) -> Result<Program, TooLarge> {
        let kept = union(tables)?;
        let mut assembler = Assembler::default();
        assembler.load(CALL_AT);
        for (call, allowed) in union(inherited)? {
            match kept.get(&call) {
                None => assembler.jump_if_equal(call, Target::Kill, Target::Next),
                Some(Allowed::Always) => {}
                Some(same) if *same == allowed => {}
                Some(Allowed::When(alternatives)) => {
                    let next = assembler.label();
                    assembler.jump_if_equal(call, Target::Next, Target::Label(next));
                    assembler.arguments(alternatives);
                    assembler.place(next);
                }
            }
        }
        // Falls through to the first of the two ends, which allows.
        assembler.finish(otherwise.action())
    }

    /// Compiles the opposite: these calls get the answer, all others are left to the other filters of the process.
    pub(crate) fn refuse(calls: &[std::ffi::c_long], answer: Otherwise) -> Result<Program, TooLarge> {
        let mut assembler = Assembler::default();
        assembler.load(CALL_AT);
        for call in calls {
            assembler.jump_if_equal(u32::try_from(*call).map_err(|_| TooLarge)?, Target::Kill, Target::Next);
        }
        // Falls through to the first of the two ends, which allows.
        assembler.finish(answer.action())
    }

    /// The instructions of a program that does not depend on the process.
    pub(crate) fn code(&self) -> &[sock_filter] {
        &self.code
    }

    /// The program for a process: classic BPF cannot ask for the caller's own number, so it is written in.
    pub(crate) fn for_process(&mut self, pid: u32) -> &[sock_filter] {
        for at in &self.own_pid_at {
            if let Some(instruction) = self.code.get_mut(*at) {
                instruction.k = pid;
            }
        }
        &self.code
    }
}

#[derive(PartialEq)]
enum Allowed {
    Always,
    When(Vec<&'static [Check]>),
}

/// What is allowed where any of the tables allows it.
fn union(tables: &[&[Row]]) -> Result<BTreeMap<u32, Allowed>, TooLarge> {
    let mut calls: BTreeMap<u32, Allowed> = BTreeMap::new();
    for row in tables.iter().copied().flatten() {
        let call = u32::try_from(row.call).map_err(|_| TooLarge)?;
        let allowed = calls.entry(call).or_insert_with(|| Allowed::When(Vec::new()));
        match (row.allow, &mut *allowed) {
            (Allow::Always, _) => *allowed = Allowed::Always,
            (Allow::When(_), Allowed::Always) => {}
            (Allow::When(alternatives), Allowed::When(all)) => all.extend_from_slice(alternatives),
        }
    }
    Ok(calls)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Next,
    Allow,
    Kill,
    Label(usize),
}

struct Instruction {
    code: u16,
    k: u32,
    yes: Target,
    no: Target,
}

#[derive(Default)]
struct Assembler {
    out: Vec<Instruction>,
    /// Label number → index of the instruction it stands before.
    labels: Vec<usize>,
    own_pid_at: Vec<usize>,
}

impl Assembler {
    fn load(&mut self, at: u32) {
        self.out.push(Instruction { code: LOAD_WORD, k: at, yes: Target::Next, no: Target::Next });
    }

    fn jump_if_equal(&mut self, k: u32, yes: Target, no: Target) {
        self.out.push(Instruction { code: JUMP_EQUAL, k, yes, no });
    }

    fn label(&mut self) -> usize {
        self.labels.push(usize::MAX);
        self.labels.len() - 1
    }

    fn place(&mut self, label: usize) {
        let here = self.out.len();
        if let Some(place) = self.labels.get_mut(label) {
            *place = here;
        }
    }

    /// Depth is the logarithm of our own table's length, so the recursion is bounded by five or so.
    fn search(&mut self, calls: &[(u32, Allowed)]) {
        match calls {
            [] => {}
            [(call, Allowed::Always)] => self.jump_if_equal(*call, Target::Allow, Target::Kill),
            [(call, Allowed::When(alternatives))] => {
                self.jump_if_equal(*call, Target::Next, Target::Kill);
                self.arguments(alternatives);
            }
            _ => {
                let (low, high) = calls.split_at(calls.len() / 2);
                let first_high = high.first().map_or(0, |(call, _)| *call);
                let label = self.label();
                let above = Target::Label(label);
                self.out.push(Instruction { code: JUMP_GREATER_OR_EQUAL, k: first_high, yes: above, no: Target::Next });
                self.search(low);
                self.place(label);
                self.search(high);
            }
        }
    }

    fn arguments(&mut self, alternatives: &[&'static [Check]]) {
        // The argument in the accumulator where control arrives, known only when every way here leaves the same one there.
        let mut loaded = None;
        let count = alternatives.len();
        for (index, alternative) in alternatives.iter().enumerate() {
            let last = index + 1 == count;
            let label = if last { None } else { Some(self.label()) };
            let failed = label.map_or(Target::Kill, Target::Label);
            for (place, check) in alternative.iter().enumerate() {
                let (argument, value, own_pid) = match *check {
                    Check::Is(argument, value) => (argument, value, false),
                    Check::IsOwnPid(argument) => (argument, 0, true),
                };
                if loaded != Some(argument) {
                    self.load(ARGUMENTS_AT + 8 * u32::from(argument));
                    loaded = Some(argument);
                }
                if own_pid {
                    self.own_pid_at.push(self.out.len());
                }
                let passed = if place + 1 == alternative.len() { Target::Allow } else { Target::Next };
                self.jump_if_equal(value, passed, failed);
            }
            if let Some(label) = label {
                self.place(label);
            }
            if alternative.len() != 1 {
                loaded = None;
            }
        }
    }

    fn finish(mut self, otherwise: u32) -> Result<Program, TooLarge> {
        let allow_at = self.out.len();
        let kill_at = allow_at + 1;
        self.out.push(Instruction { code: RETURN, k: libc::SECCOMP_RET_ALLOW, yes: Target::Next, no: Target::Next });
        self.out.push(Instruction { code: RETURN, k: otherwise, yes: Target::Next, no: Target::Next });
        let mut code = Vec::with_capacity(self.out.len());
        for (at, instruction) in self.out.iter().enumerate() {
            let distance = |target: Target| -> Result<u8, TooLarge> {
                let to = match target {
                    Target::Next => return Ok(0),
                    Target::Allow => allow_at,
                    Target::Kill => kill_at,
                    Target::Label(label) => self.labels.get(label).copied().ok_or(TooLarge)?,
                };
                to.checked_sub(at + 1).and_then(|d| u8::try_from(d).ok()).ok_or(TooLarge)
            };
            code.push(sock_filter {
                code: instruction.code,
                jt: distance(instruction.yes)?,
                jf: distance(instruction.no)?,
                k: instruction.k,
            });
        }
        Ok(Program { code, own_pid_at: self.own_pid_at })
    }
}

const AUDIT_ARCH: u32 = 0xc000_003e; // AUDIT_ARCH_X86_64
const CALL_AT: u32 = 0; // offsets in struct seccomp_data
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;
const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GREATER_OR_EQUAL: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

#[cfg(test)]
mod tests {
    use super::super::table::{BABYSITTER, CLEAN, ROOM, ZYGOTE};
    use super::*;
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch,
    };

    const PID: u32 = 4711;

    /// What a filter sees of a call: `struct seccomp_data`.
    struct Call {
        number: u32,
        architecture: u32,
        arguments: [u64; 6],
    }

    impl Call {
        fn word(&self, at: u32) -> u32 {
            let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap();
            match at {
                CALL_AT => self.number,
                ARCHITECTURE_AT => self.architecture,
                8 | 12 => 0,
                _ => {
                    let value = self.arguments[usize::try_from((at - ARGUMENTS_AT) / 8).unwrap()];
                    if (at - ARGUMENTS_AT).is_multiple_of(8) { low(value) } else { low(value >> 32) }
                }
            }
        }
    }

    /// A classic BPF machine with the instructions either compiler emits.
    fn run(code: &[(u16, u8, u8, u32)], call: &Call) -> u32 {
        let (mut at, mut accumulator) = (0_usize, 0_u32);
        loop {
            let (op, yes, no, k) = code[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { yes } else { no });
            match op {
                LOAD_WORD => accumulator = call.word(k),
                JUMP_EQUAL => at += jump(accumulator == k),
                JUMP_GREATER_OR_EQUAL => at += jump(accumulator >= k),
                0x25 => at += jump(accumulator > k),
                0x45 => at += jump(accumulator & k != 0),
                0x54 => accumulator &= k,
                0x05 => at += usize::try_from(k).unwrap(),
                RETURN => return k,
                other => panic!("instruction {other:#x} is not one of ours"),
            }
        }
    }

    fn ours(tables: &[&[Row]]) -> Vec<(u16, u8, u8, u32)> {
        let mut program = Program::compile(tables, Otherwise::Kill).unwrap();
        program.for_process(PID).iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect()
    }

    fn narrowed(room: &[&[Row]], zygote: &[&[Row]]) -> Vec<(u16, u8, u8, u32)> {
        let mut program = Program::narrow(room, zygote, Otherwise::Kill).unwrap();
        program.for_process(PID).iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect()
    }

    fn theirs(tables: &[&[Row]]) -> Vec<(u16, u8, u8, u32)> {
        let mut rules: BTreeMap<i64, Option<Vec<SeccompRule>>> = BTreeMap::new();
        for row in tables.iter().copied().flatten() {
            let entry = rules.entry(row.call).or_insert_with(|| Some(Vec::new()));
            match row.allow {
                Allow::Always => *entry = None,
                Allow::When(alternatives) => {
                    let Some(all) = entry else { continue };
                    for alternative in alternatives {
                        let conditions = alternative
                            .iter()
                            .map(|check| {
                                let (argument, value) = match *check {
                                    Check::Is(argument, value) => (argument, value),
                                    Check::IsOwnPid(argument) => (argument, PID),
                                };
                                let (len, op) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
                                SeccompCondition::new(argument, len, op, value.into()).unwrap()
                            })
                            .collect();
                        all.push(SeccompRule::new(conditions).unwrap());
                    }
                }
            }
        }
        let rules = rules.into_iter().map(|(call, rule)| (call, rule.unwrap_or_default())).collect();
        let (kill, allow) = (SeccompAction::KillProcess, SeccompAction::Allow);
        let filter = SeccompFilter::new(rules, kill, allow, TargetArch::x86_64).unwrap();
        let program: BpfProgram = filter.try_into().unwrap();
        program.iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect()
    }

    /// Argument words worth trying: all that any rule compares with, their neighbours, and some with the upper half set.
    fn interesting_arguments() -> Vec<u64> {
        let mut values = vec![0, 1, 7, 0xffff_ffff, 0x1_0000_0000, u64::MAX];
        for row in [ROOM, CLEAN, ZYGOTE].into_iter().flatten() {
            if let Allow::When(alternatives) = row.allow {
                for check in alternatives.iter().copied().flatten() {
                    let value = match *check {
                        Check::Is(_, value) => u64::from(value),
                        Check::IsOwnPid(_) => u64::from(PID),
                    };
                    values.extend([value.saturating_sub(1), value, value + 1, value | 0x5_0000_0000]);
                }
            }
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Calls of every number with arguments drawn from the interesting words by a fixed generator, plus all pairs on the
    /// argument places of the calls that have rules.
    fn calls() -> Vec<Call> {
        let words = interesting_arguments();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            words[usize::try_from(state >> 33).unwrap() % words.len()]
        };
        let mut calls = Vec::new();
        for number in 0..480_u32 {
            for number in [number, number | 0x4000_0000] {
                for architecture in [AUDIT_ARCH, 0x4000_0003] {
                    for _ in 0..40 {
                        let arguments = [draw(), draw(), draw(), draw(), draw(), draw()];
                        calls.push(Call { number, architecture, arguments });
                    }
                }
            }
        }
        for row in [ROOM, CLEAN, ZYGOTE].into_iter().flatten() {
            if let Allow::When(alternatives) = row.allow {
                for alternative in alternatives {
                    let mut fitting = [0_u64; 6];
                    for check in *alternative {
                        match *check {
                            Check::Is(argument, value) => fitting[usize::from(argument)] = value.into(),
                            Check::IsOwnPid(argument) => fitting[usize::from(argument)] = PID.into(),
                        }
                    }
                    let number = u32::try_from(row.call).unwrap();
                    calls.push(Call { number, architecture: AUDIT_ARCH, arguments: fitting });
                    for place in 0..6 {
                        for word in &words {
                            let mut arguments = fitting;
                            arguments[place] = *word;
                            calls.push(Call { number, architecture: AUDIT_ARCH, arguments });
                        }
                    }
                }
            }
        }
        calls
    }

    #[test]
    fn verdicts_equal_those_of_seccompiler_for_the_same_table() {
        let calls = calls();
        let sets: [&[&[Row]]; 4] = [&[ROOM], &[ROOM, CLEAN], &[ROOM, CLEAN, ZYGOTE], &[BABYSITTER]];
        for tables in sets {
            let (ours, theirs) = (ours(tables), theirs(tables));
            let mut allowed = 0;
            for call in &calls {
                let verdict = run(&ours, call);
                assert_eq!(
                    verdict,
                    run(&theirs, call),
                    "call {} of {:#x} with {:x?}",
                    call.number,
                    call.architecture,
                    call.arguments
                );
                allowed += usize::from(verdict == libc::SECCOMP_RET_ALLOW);
            }
            assert!(allowed > 50, "the sample must contain allowed calls");
            assert!(ours.len() < theirs.len(), "{} instructions against {}", ours.len(), theirs.len());
        }
    }

    type Tables = &'static [&'static [Row]];

    #[test]
    fn a_room_under_its_zygotes_filter_may_make_the_calls_of_its_own_table_and_no_others() {
        let calls = calls();
        let sets: [(Tables, Tables); 2] = [(&[ROOM], &[ROOM, ZYGOTE]), (&[ROOM, CLEAN], &[ROOM, CLEAN, ZYGOTE])];
        for (room, zygote) in sets {
            let (own, theirs) = (narrowed(room, zygote), theirs(room));
            let inherited: Vec<_> = {
                let mut program = Program::compile(zygote, Otherwise::Kill).unwrap();
                program.for_process(0).iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect()
            };
            let (mut allowed, mut lost) = (0, 0);
            for call in &calls {
                let before = run(&inherited, call);
                let both = if before == libc::SECCOMP_RET_ALLOW { run(&own, call) } else { before };
                assert_eq!(both, run(&theirs, call), "call {} with {:x?}", call.number, call.arguments);
                allowed += usize::from(both == libc::SECCOMP_RET_ALLOW);
                lost += usize::from(both != before);
            }
            assert!(allowed > 50 && lost > 50, "the sample must contain both: {allowed}, {lost}");
        }
    }

    #[test]
    fn a_zygote_allows_all_that_its_rooms_are_allowed() {
        let (zygote, room) = (ours(&[ROOM, CLEAN, ZYGOTE]), ours(&[ROOM, CLEAN]));
        for call in calls() {
            if run(&room, &call) == libc::SECCOMP_RET_ALLOW {
                assert_eq!(run(&zygote, &call), libc::SECCOMP_RET_ALLOW, "call {}", call.number);
            }
        }
    }

    #[test]
    fn the_room_filter_stays_small() {
        assert!(narrowed(&[ROOM, CLEAN], &[ROOM, CLEAN, ZYGOTE]).len() <= 24);
    }

    #[test]
    fn a_foreign_architecture_and_the_x32_calls_are_killed() {
        let room = ours(&[ROOM, CLEAN]);
        let exit = u32::try_from(libc::SYS_exit_group).unwrap();
        let verdict = |number, architecture| run(&room, &Call { number, architecture, arguments: [0; 6] });
        assert_eq!(verdict(exit, AUDIT_ARCH), libc::SECCOMP_RET_ALLOW);
        assert_eq!(verdict(exit, 0x4000_0003), libc::SECCOMP_RET_KILL_PROCESS);
        assert_eq!(verdict(exit | 0x4000_0000, AUDIT_ARCH), libc::SECCOMP_RET_KILL_PROCESS);
    }
}
