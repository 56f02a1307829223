//! Chains that are too deep for any stack.

use crate::tools::on_stack;
use kref::Ref;

const DEEP: usize = if cfg!(miri) { 100 } else { 1_000_000 };
const SMALL_STACK: usize = 64 * 1024;

struct Node {
    next: Option<Ref<Node>>,
}

#[test]
fn a_chain_of_a_million() {
    on_stack(SMALL_STACK, || {
        let mut head = None;
        for _ in 0..DEEP {
            head = Some(Ref::new(Node { next: head }));
        }
        let t = std::time::Instant::now();
        drop(head);
        println!("{:?}", t.elapsed() / DEEP as u32);
    });
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .filter(|l| l.starts_with("Vm"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}
