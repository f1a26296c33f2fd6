//! The finder of circles against small crates that are made up.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::circles::{Circle, circles};
use crate::imports::{Imports, imports};
use crate::source::Source;

/// The imports of a crate with these files.
fn made_of(files: &[(&str, &str)]) -> Imports {
    let files: HashMap<PathBuf, &str> = files.iter().map(|(path, text)| (Path::new("src").join(path), *text)).collect();
    imports(&Source::read(Path::new("src/lib.rs"), &|path| files.get(path).map(|text| (*text).to_owned())))
}

/// The circles of a crate with these files, and their names.
fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let group = |circle: &Circle| circle.group.iter().map(|path| path.display().to_string()).collect();
    circles(&made_of(files)).iter().map(group).collect()
}

const A_AND_B: [[&str; 2]; 1] = [["src/a.rs", "src/b.rs"]];

#[test]
fn a_circle_is_told_with_its_files_and_names() {
    let imports = made_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "use crate::c::C; pub struct B(Option<Box<C>>);"),
        ("c.rs", "use super::a::A; pub struct C(A);"),
    ]);
    let circles = circles(&imports);
    let text = circles[0].describe(&imports, Path::new("src"));
    assert!(circles.len() == 1 && text.starts_with("3 files import one another in a circle"), "{text}");
    for line in [
        "a.rs imports B, crate::b::B from b.rs",
        "b.rs imports C, crate::c::C from c.rs",
        "c.rs imports A, super::a::A from a.rs",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn the_shortest_circle_of_a_group_is_the_example() {
    let imports = made_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; use crate::c::C; pub struct A(B, C);"),
        ("b.rs", "use crate::c::C; pub struct B(Box<C>);"),
        ("c.rs", "use crate::a::A; pub struct C(Box<A>);"),
    ]);
    assert_eq!(circles(&imports)[0].shortest.len(), 3, "there and back");
}

#[test]
fn a_name_that_is_given_on_belongs_to_where_it_is_defined() {
    // Through a facade, under another name.
    let facade = "mod a; mod b; pub use b::B as Facade;";
    let a = ("a.rs", "use crate::Facade; pub struct A(Facade);");
    assert_eq!(found(&[("lib.rs", facade), a, ("b.rs", "use crate::a::A; pub struct B(Box<A>);")]), A_AND_B);
    assert!(found(&[("lib.rs", facade), a, ("b.rs", "pub struct B;")]).is_empty());
    // Through all names of a module.
    let glob = "mod a; mod b; pub use b::*;";
    assert_eq!(
        found(&[("lib.rs", glob), ("a.rs", "pub struct A(crate::B);"), ("b.rs", "pub struct B(super::a::A);")]),
        A_AND_B
    );
}

#[test]
fn a_parent_that_uses_what_its_child_imports_from_it_is_in_a_circle() {
    let child = ("a/child.rs", "use super::LIMIT; pub fn check() -> bool { LIMIT > 3 }");
    let lib = ("lib.rs", "mod a;");
    let calls = ("a.rs", "mod child; pub const LIMIT: u32 = 7; pub fn run() { child::check(); }");
    assert_eq!(found(&[lib, calls, child]), [["src/a/child.rs", "src/a.rs"]]);
    let gives_on = ("a.rs", "mod child; pub use child::check; pub const LIMIT: u32 = 7;");
    assert!(found(&[lib, gives_on, child]).is_empty());
    let below = ("a/mod.rs", calls.1);
    assert_eq!(found(&[lib, below, child]), [["src/a/child.rs", "src/a/mod.rs"]]);
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let b = ("b.rs", "pub struct B(crate::a::A); pub fn f() -> u32 { 1 } pub mod ser {}");
    for a in [
        "pub struct A; fn g() { println!(\"{}\", crate::b::f()); }",
        "pub struct A; fn g() { use crate::b; let _ = vec![b::f()]; }",
        "pub struct A; mod inner { fn g() -> u32 { super::super::b::f() } }",
        "use crate::b as other; pub struct A; impl A { fn g(&self) -> u32 { other::f() } }",
        "#[error(\"{}\", crate::b::f())] pub struct A;",
        "pub struct A { #[serde(with = \"crate::b::f\")] x: u32 }",
        "use crate::{b::{self}, c}; pub struct A; fn g() -> u32 { b::f() }",
        "pub struct A; impl From<crate::b::B> for A { fn from(_: crate::b::B) -> A { A } }",
        "pub struct A; macro_rules! call { () => { $crate::b::f() } }",
    ] {
        assert_eq!(found(&[("lib.rs", "mod a; mod b; mod c;"), ("a.rs", a), b, ("c.rs", "")]), A_AND_B, "{a}");
    }
}

#[test]
fn what_is_for_tests_alone_does_not_count() {
    let b = ("b.rs", "use crate::a::A; pub struct B(A);");
    for a in [
        "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
        "pub struct A; #[cfg(test)] mod tests;",
        "pub struct A; #[cfg(test)] use crate::b::B;",
        "pub struct A; /// [`crate::b::B`]\npub struct C;",
        "pub struct A; fn g() { let b = std::b::B; other::b(); }",
    ] {
        assert!(found(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), b]).is_empty(), "{a}");
    }
}
