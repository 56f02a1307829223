//! Finds every memory ordering in a source file, and the steps by which each can be weakened.
//!
//! The file is read twice. `syn` says what each place belongs to: the function around it, and
//! whether it is code at all (imports, attributes, patterns and test modules are not). The tokens
//! say where the orderings are; comments are no tokens, and documentation is an attribute.

use std::ops::Range;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// One ordering, weakened by one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderingMutant {
    pub line: usize,
    /// The function around it, with its type: `RefCount::dec`.
    pub function: String,
    /// The call whose argument it is, or the line if it is in no call.
    pub operation: String,
    pub from: &'static str,
    pub to: &'static str,
    /// Where the new text goes.
    pub range: Range<usize>,
    pub replacement: String,
}

/// Returns every ordering mutant of a source file, in the order of the file.
pub fn find(source: &str) -> Result<Vec<OrderingMutant>> {
    let file = syn::parse_file(source).context("does not parse")?;
    let mut map = Map::default();
    map.visit_file(&file);
    // It has just been parsed.
    let tokens: TokenStream = source.parse().map_err(|error| anyhow!("{error}"))?;
    let mut finder = Finder {
        source,
        map,
        found: Vec::new(),
    };
    finder.walk(tokens, None);
    Ok(finder.found)
}

/// The orderings one step weaker than `from`, as far as the operation allows them.
fn weaker(from: &str, place: Option<&Call>) -> &'static [&'static str] {
    match from {
        "Acquire" | "Release" => &["Relaxed"],
        "AcqRel" => &["Acquire", "Release"],
        "SeqCst" => match place {
            Some(call) if call.name == "load" || call.is_failure => &["Acquire"],
            Some(call) if call.name == "store" => &["Release"],
            _ => &["AcqRel"],
        },
        _ => &[],
    }
}

/// What the places of a file belong to.
#[derive(Default)]
struct Map {
    /// The type of the `impl` or the trait around.
    owner: Option<String>,
    functions: Vec<(Range<usize>, String)>,
    not_code: Vec<Range<usize>>,
}

impl Map {
    fn function(&mut self, whole: &impl Spanned, name: &syn::Ident) {
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{name}"),
            None => name.to_string(),
        };
        self.functions.push((whole.span().byte_range(), name));
    }

    fn owned(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }

    fn is_code(&self, at: usize) -> bool {
        !self.not_code.iter().any(|range| range.contains(&at))
    }

    /// The innermost function around a place.
    fn function_at(&self, at: usize) -> String {
        let around = self
            .functions
            .iter()
            .filter(|(range, _)| range.contains(&at));
        match around.min_by_key(|(range, _)| range.len()) {
            Some((_, name)) => name.clone(),
            None => "(no function)".to_owned(),
        }
    }
}

impl<'ast> Visit<'ast> for Map {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(item, &item.sig.ident);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(item, &item.sig.ident);
        // A function inside it does not belong to the type.
        self.owned(None, |map| visit::visit_impl_item_fn(map, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(item, &item.sig.ident);
        self.owned(None, |map| visit::visit_trait_item_fn(map, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let owner = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
            _ => None,
        };
        self.owned(owner, |map| visit::visit_item_impl(map, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let owner = Some(item.ident.to_string());
        self.owned(owner, |map| visit::visit_item_trait(map, item));
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if let Some(name) = &item.ident {
            let range = item.span().byte_range();
            self.functions.push((range, format!("{name}!")));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.attrs.iter().any(is_cfg_test) {
            self.not_code.push(item.span().byte_range());
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.not_code.push(item.span().byte_range());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        self.not_code.push(attribute.span().byte_range());
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.not_code.push(arm.pat.span().byte_range());
        visit::visit_arm(self, arm);
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Ident>()
            .is_ok_and(|what| what == "test")
}

/// The call that a token is an argument of.
#[derive(Clone)]
struct Call {
    /// The name of the function or method.
    name: String,
    /// The whole call, shortened.
    text: String,
    /// Whether the argument is the ordering of a failed compare-exchange.
    is_failure: bool,
}

struct Finder<'a> {
    source: &'a str,
    map: Map,
    found: Vec<OrderingMutant>,
}

impl Finder<'_> {
    fn walk(&mut self, tokens: TokenStream, call: Option<&Call>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut commas = 0;
        for (i, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Punct(p) if p.as_char() == ',' => commas += 1,
                TokenTree::Ident(ident) => {
                    let qualified = i > 0 && is_punct(&tokens[i - 1], ':');
                    let call = call.map(|call| Call {
                        is_failure: call.name.starts_with("compare_exchange") && commas == 3,
                        ..call.clone()
                    });
                    self.ident(ident, qualified, call.as_ref());
                }
                TokenTree::Group(group) => {
                    let inner = match group.delimiter() {
                        Delimiter::Parenthesis => self.call(&tokens[..i], group),
                        _ => None,
                    };
                    self.walk(group.stream(), inner.as_ref());
                }
                _ => {}
            }
        }
    }

    fn ident(&mut self, ident: &proc_macro2::Ident, qualified: bool, call: Option<&Call>) {
        let Some(from) = ORDERINGS.into_iter().find(|name| ident == name) else {
            return;
        };
        let range = ident.span().byte_range();
        if !self.map.is_code(range.start) {
            return;
        }
        let line = ident.span().start().line;
        for to in weaker(from, call) {
            self.found.push(OrderingMutant {
                line,
                function: self.map.function_at(range.start),
                operation: match call {
                    Some(call) => call.text.clone(),
                    None => one_line(self.source.lines().nth(line - 1).unwrap_or_default()),
                },
                from,
                to,
                range: range.clone(),
                // By its whole path, as the file may not import it.
                replacement: match qualified {
                    true => (*to).to_owned(),
                    false => format!("core::sync::atomic::Ordering::{to}"),
                },
            });
        }
    }

    /// The call whose arguments are in `group`, if the tokens before it name one.
    fn call(&self, before: &[TokenTree], group: &proc_macro2::Group) -> Option<Call> {
        let Some(TokenTree::Ident(name)) = before.last() else {
            return None;
        };
        // The receiver or the path: names, numbers of fields, dots and colons.
        let start = before
            .iter()
            .rev()
            .take_while(|t| match t {
                TokenTree::Ident(ident) => !is_keyword(&ident.to_string()),
                TokenTree::Literal(_) => true,
                t => is_punct(t, '.') || is_punct(t, ':'),
            })
            .last()?;
        let callee = start.span().byte_range().start..name.span().byte_range().end;
        let callee = one_line(&self.source[callee]).replace(' ', "");
        let arguments: Vec<_> = arguments(group.stream())
            .map(|range| shortened(&one_line(&self.source[range])))
            .collect();
        Some(Call {
            name: name.to_string(),
            text: format!(
                "{}({})",
                callee.trim_start_matches('.'),
                arguments.join(", ")
            ),
            is_failure: false,
        })
    }
}

/// The arguments of a call, as places in the source. A closure with several parameters is taken
/// apart at their commas, which only matters to the eye.
fn arguments(tokens: TokenStream) -> impl Iterator<Item = Range<usize>> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let ranges: Vec<_> = tokens
        .split(|token| is_punct(token, ','))
        .filter_map(|argument| {
            let first = argument.first()?.span().byte_range();
            let last = argument.last()?.span().byte_range();
            Some(first.start..last.end)
        })
        .collect();
    ranges.into_iter()
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == c)
}

fn is_keyword(ident: &str) -> bool {
    [
        "match", "if", "while", "return", "let", "in", "move", "else",
    ]
    .contains(&ident)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An argument that is too long to tell one operation from another only makes the table wide.
fn shortened(argument: &str) -> String {
    match argument.len() {
        0..=24 => argument.to_owned(),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `function: operation: from -> to` of every mutant of the source.
    fn mutants(source: &str) -> Vec<String> {
        find(source)
            .unwrap()
            .into_iter()
            .map(|m| format!("{}: {}: {} -> {}", m.function, m.operation, m.from, m.to))
            .collect()
    }

    #[test]
    fn each_ordering_is_weakened_by_each_single_step() {
        let source = "
            fn f() {
                a.load(Relaxed);
                a.load(Acquire);
                a.store(1, Release);
                a.fetch_add(1, AcqRel);
                a.fetch_add(1, SeqCst);
            }";
        assert_eq!(
            mutants(source),
            [
                "f: a.load(Acquire): Acquire -> Relaxed",
                "f: a.store(1, Release): Release -> Relaxed",
                "f: a.fetch_add(1, AcqRel): AcqRel -> Acquire",
                "f: a.fetch_add(1, AcqRel): AcqRel -> Release",
                "f: a.fetch_add(1, SeqCst): SeqCst -> AcqRel",
            ]
        );
    }

    #[test]
    fn seq_cst_is_weakened_to_what_the_operation_accepts() {
        let source = "
            fn f() {
                a.load(SeqCst);
                a.store(0, SeqCst);
                a.compare_exchange(0, 1, SeqCst, SeqCst);
                fence(SeqCst);
            }";
        assert_eq!(
            mutants(source),
            [
                "f: a.load(SeqCst): SeqCst -> Acquire",
                "f: a.store(0, SeqCst): SeqCst -> Release",
                "f: a.compare_exchange(0, 1, SeqCst, SeqCst): SeqCst -> AcqRel",
                "f: a.compare_exchange(0, 1, SeqCst, SeqCst): SeqCst -> Acquire",
                "f: fence(SeqCst): SeqCst -> AcqRel",
            ]
        );
    }

    #[test]
    fn comments_docs_imports_patterns_and_tests_are_not_code() {
        let source = r#"
            //! Acquire.
            use core::sync::atomic::Ordering::{Acquire, Release};
            /// `load(Acquire)`
            #[doc(alias = "Acquire")]
            #[must_use = "AcqRel"]
            fn f(order: Ordering) {
                use Ordering::AcqRel;
                // Acquire: pairs with the Release in g.
                /* SeqCst */
                let text = "Release";
                match order {
                    Ordering::Acquire | Ordering::Release => {}
                    _ => {}
                }
            }
            #[cfg(test)]
            mod tests {
                fn f() { a.load(Acquire); }
            }"#;
        assert_eq!(mutants(source), [""; 0]);
    }

    #[test]
    fn the_function_is_named_with_its_type() {
        let source = "
            impl<B: Backend> RefCount<B> {
                fn dec(&self) { self.refs.fetch_sub(1, Release); }
                fn outer(&self) {
                    fn inner(a: &A) { a.load(Acquire); }
                }
            }
            impl<B> Drop for Guard<'_, B> {
                fn drop(&mut self) { self.0.store(0, Release) }
            }
            trait Ext {
                fn get(&self) { self.load(Acquire) }
            }
            static S: State = State::new(Acquire);";
        assert_eq!(
            mutants(source),
            [
                "RefCount::dec: self.refs.fetch_sub(1, Release): Release -> Relaxed",
                "inner: a.load(Acquire): Acquire -> Relaxed",
                "Guard::drop: self.0.store(0, Release): Release -> Relaxed",
                "Ext::get: self.load(Acquire): Acquire -> Relaxed",
                "(no function): State::new(Acquire): Acquire -> Relaxed",
            ]
        );
    }

    #[test]
    fn macros_are_searched() {
        let source = "
            macro_rules! int {
                ($t:ident) => { fn get(a: &$t) -> u32 { a.load(Acquire) } };
            }
            fn f() { assert_eq!(a.load(Acquire), 1); }";
        assert_eq!(
            mutants(source),
            [
                "int!: a.load(Acquire): Acquire -> Relaxed",
                "f: a.load(Acquire): Acquire -> Relaxed",
            ]
        );
    }

    #[test]
    fn an_operation_is_one_short_line() {
        let source = "
            fn f() {
                match self
                    .refs
                    .cas_loop(Acquire, |old| grown(old, n, limit).filter(|v| v.is_good()))
                {
                    _ => {}
                }
                let order = if fast { Release } else { Relaxed };
            }";
        assert_eq!(
            mutants(source),
            [
                "f: self.refs.cas_loop(Acquire, …): Acquire -> Relaxed",
                "f: let order = if fast { Release } else { Relaxed };: Release -> Relaxed",
            ]
        );
    }

    #[test]
    fn the_replacement_needs_no_import() {
        let source = "fn f() { é(); a.load(Acquire); a.load(Ordering::Acquire); }";
        let mutated: Vec<_> = find(source)
            .unwrap()
            .into_iter()
            .map(|m| {
                let mut text = source.to_owned();
                text.replace_range(m.range, &m.replacement);
                text
            })
            .collect();
        assert_eq!(
            mutated,
            [
                "fn f() { é(); a.load(core::sync::atomic::Ordering::Relaxed); a.load(Ordering::Acquire); }",
                "fn f() { é(); a.load(Acquire); a.load(Ordering::Relaxed); }",
            ]
        );
    }
}
