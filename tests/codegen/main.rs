//! What the compiler makes of a get and a put: on the fast path, that is where no lock is taken,
//! nothing is destroyed and no misuse is reported, exactly one atomic read-modify-write
//! and no call.
//!
//! `tests/codegen/probe.rs` has one function for each operation. It is compiled, optimised, to assembly, against the
//! crate as it is; the paths of each function from its entry to a return are followed, and those on which there is
//! a call are left out: they are the slow ones. What `probe.rs` calls for locks and destructors is
//! unknown to the compiler, so that none of that can hide inside.
//!
//! The registry does more under a lock, and what is frequent there has to be in one function with it: what is handed to another
//! goes through memory, which cost a churn a third of its time once, with fewer instructions than before.
//!
//! `KREF_ASSEMBLY` names files to look at instead, which `scripts/codegen.sh` makes for
//! aarch64 with and without its atomic instructions.

mod assembly;

use std::path::{Path, PathBuf};
use std::process::Command;

use assembly::{Architecture, Assembly};

/// What each function has to do on its fast path.
const PROBES: [(&str, Fast); 14] = [
    ("probe_refcount_inc", Fast::Always),
    ("probe_refcount_inc_not_zero", Fast::OrRefuses),
    ("probe_refcount_dec_and_test", Fast::Always),
    ("probe_kref_get", Fast::Always),
    ("probe_kref_put", Fast::Always),
    ("probe_kref_put_lock", Fast::OrRefuses),
    ("probe_handback_get", Fast::Always),
    ("probe_handback_put_lock", Fast::Always),
    ("probe_rcuref_get", Fast::Always),
    ("probe_rcuref_put", Fast::Always),
    ("probe_ref_clone", Fast::Always),
    ("probe_ref_drop", Fast::Always),
    ("probe_handle_clone", Fast::Always),
    ("probe_handle_drop", Fast::Always),
];

/// Functions that have a way without a call: a probe each, or all whose names have this in them.
const NO_CALL: [&str; 3] = [
    "probe_registry_insert",
    "probe_registry_replace",
    "last_put",
];

#[derive(Clone, Copy, PartialEq)]
enum Fast {
    /// One read-modify-write.
    Always,
    /// One, or none where the count stays as it is: it was zero, or is saturated.
    OrRefuses,
}

/// What is wrong with the code of a probe, if anything is.
fn complaint(assembly: &Assembly, probe: &str, fast: Fast) -> Option<String> {
    let paths = match assembly.paths(probe) {
        Ok(paths) => paths,
        Err(error) => return Some(error),
    };
    let most = paths.iter().max();
    let is_right = match fast {
        Fast::Always => !paths.is_empty() && paths.iter().all(|&n| n == 1),
        Fast::OrRefuses => most == Some(&1),
    };
    (!is_right).then(|| {
        format!(
            "{probe}: on the paths without a call there are {paths:?} atomic read-modify-writes"
        )
    })
}

/// What is wrong with the functions of a name, if one of them has no way without a call.
fn call(assembly: &Assembly, name: &str) -> Option<String> {
    let functions = assembly.functions(name);
    if functions.is_empty() {
        return Some(format!("there is no {name}"));
    }
    let complaint = |function| match assembly.fewest_calls(function) {
        Ok(0) => None,
        Ok(calls) => Some(format!("{function}: at least {calls} calls on each path")),
        Err(error) => Some(error),
    };
    functions.into_iter().find_map(complaint)
}

#[test]
#[cfg_attr(miri, ignore = "it runs the compiler")]
fn fast_paths_are_one_atomic_instruction() {
    let files = std::env::var_os("KREF_ASSEMBLY");
    let files = files.iter().flat_map(std::env::split_paths);
    let mut files: Vec<PathBuf> = files.collect();
    if files.is_empty() {
        if Architecture::here().is_none() {
            eprintln!("the machine code of this architecture is not understood: nothing is tested");
            return;
        }
        files.push(compiled());
    }
    let mut complaints = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("the assembly can be read");
        let assembly = Assembly::parse(&text);
        for (probe, fast) in PROBES {
            let complaint = complaint(&assembly, probe, fast);
            complaints.extend(complaint.map(|c| format!("{}: {c}", file.display())));
        }
        for name in NO_CALL {
            let complaint = call(&assembly, name);
            complaints.extend(complaint.map(|c| format!("{}: {c}", file.display())));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Compiles the probe for the machine that this is; returns the assembly.
fn compiled() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A target directory of its own: the cargo that runs the tests may hold the lock of the usual
    // one.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("codegen");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--release", "--lib", "--offline"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root);
    run(&mut build);
    let assembly = target.join("probe.s");
    let release = target.join("release");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile = Command::new(rustc);
    compile
        .args(["--edition", "2024", "--emit", "asm", "-C", "opt-level=3"])
        .args(["-C", "codegen-units=1", "--extern"])
        .arg(format!("kref={}", release.join("libkref.rlib").display()))
        .arg("-L")
        .arg(format!("dependency={}", release.join("deps").display()))
        .arg("-o")
        .arg(&assembly)
        .arg("tests/codegen/probe.rs")
        .current_dir(root);
    run(&mut compile);
    assembly
}

fn run(command: &mut Command) {
    // Flags are for the tests' own build: of a sanitizer, or of a coverage report.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        command.env_remove(variable);
    }
    let output = command.output().expect("the compiler starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{told}");
}

/// Code that is not as it should be is seen.
mod planted {
    use super::*;

    fn complaint_of(lines: &[&str]) -> Option<String> {
        let text = format!("probe:\n\t{}\n", lines.join("\n\t"));
        complaint(&Assembly::parse(&text), "probe", Fast::Always)
    }

    #[test]
    fn one_is_right() {
        let put = [
            "movl $-1, %eax",
            "lock xaddl %eax, (%rdi)",
            "cmpl $1, %eax",
            "je .LBB0_1",
            "retq",
            ".LBB0_1:",
            "jmp slow@PLT",
        ];
        assert_eq!(complaint_of(&put), None);
        let lse = [
            "mov w8, #1",
            "ldadd w8, w8, [x0]",
            "tbnz w8, #31, .LBB0_1",
            "ret",
            ".LBB0_1:",
            "b slow",
        ];
        assert_eq!(complaint_of(&lse), None);
        let exclusive = [
            ".LBB0_1:",
            "ldxr w8, [x0]",
            "add w9, w8, #1",
            "stxr w10, w9, [x0]",
            "cbnz w10, .LBB0_1",
            "ret",
        ];
        assert_eq!(complaint_of(&exclusive), None);
    }

    #[test]
    fn a_loop_over_compare_exchange_counts_once() {
        let put_lock = [
            "movl (%rdi), %eax",
            ".LBB0_1:",
            "cmpl $1, %eax",
            "je .LBB0_2",
            "leal -1(%rax), %ecx",
            "lock cmpxchgl %ecx, (%rdi)",
            "jne .LBB0_1",
            "retq",
            ".LBB0_2:",
            "callq opaque_lock",
            "retq",
        ];
        assert_eq!(complaint_of(&put_lock), None);
    }

    #[test]
    fn two_are_wrong() {
        assert!(complaint_of(&["lock incl (%rdi)", "lock decl (%rdi)", "retq"]).is_some());
        assert!(complaint_of(&["lock incl (%rdi)", "xchgl %eax, (%rdi)", "retq"]).is_some());
        assert!(complaint_of(&["ldaddl w8, w8, [x0]", "swp w8, w8, [x0]", "ret"]).is_some());
    }

    #[test]
    fn none_is_wrong() {
        assert!(complaint_of(&["incl (%rdi)", "retq"]).is_some());
        // Between registers it is not atomic.
        assert!(complaint_of(&["xchgl %eax, %ecx", "retq"]).is_some());
    }

    #[test]
    fn one_on_one_path_only_is_wrong() {
        let half = [
            "testl %esi, %esi",
            "je .LBB0_1",
            "lock incl (%rdi)",
            ".LBB0_1:",
            "retq",
        ];
        assert!(complaint_of(&half).is_some());
    }

    #[test]
    fn a_call_on_every_path_is_wrong() {
        assert!(complaint_of(&["callq slow", "lock incl (%rdi)", "retq"]).is_some());
        assert!(complaint_of(&["bl __aarch64_ldadd4_relax", "ret"]).is_some());
        assert!(complaint_of(&["jmp slow@PLT"]).is_some());
    }

    #[test]
    fn a_function_that_is_not_there_is_seen() {
        assert!(complaint(&Assembly::parse("other:\n\tret\n"), "probe", Fast::Always).is_some());
    }

    fn call_of(lines: &[&str]) -> Option<String> {
        let text = format!("a_probe:\n\t{}\n", lines.join("\n\t"));
        call(&Assembly::parse(&text), "probe")
    }

    #[test]
    fn a_call_that_is_not_on_every_path_is_right() {
        let rare = ["je .L1", "callq slow", ".L1:", "retq"];
        assert_eq!(call_of(&rare), None);
        let last = ["jne .L1", "jmp slow", ".L1:", "jle slow", "retq"];
        assert_eq!(call_of(&last), None);
    }

    #[test]
    fn a_call_in_each_of_two_branches_is_wrong() {
        let both = ["je .L1", "callq one", "retq", ".L1:", "callq other", "retq"];
        assert!(call_of(&both).is_some());
        assert!(call_of(&["jmp slow"]).is_some());
        assert!(call_of(&["ud2"]).is_some());
        assert!(call(&Assembly::parse("other:\n\tret\n"), "probe").is_some());
    }
}
