//! A crate's source as modules with names, and the paths that its files mention.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, ItemUse, Lit, Meta, UseTree, Visibility};

/// Index of a module in [`Source::modules`].
pub type ModuleId = usize;

/// What a name in a module stands for.
#[derive(Debug, Clone)]
pub enum Name {
    Module(ModuleId),
    /// Something that is defined in this module.
    Item,
    /// Something that a `use` brings in, by its path.
    Alias(Vec<String>),
}

/// A module, in a file of its own or within one.
#[derive(Debug)]
pub struct Module {
    pub file: PathBuf,
    pub parent: Option<ModuleId>,
    /// A name may stand for several things: a module and a function.
    pub names: HashMap<String, Vec<Name>>,
    /// The paths of `use PATH::*`.
    pub globs: Vec<Vec<String>>,
}

/// A path that a file mentions, other than in a `pub use`.
#[derive(Debug)]
pub struct Mention {
    pub module: ModuleId,
    pub path: Vec<String>,
}

/// A crate's product code: what is for its tests alone is left out.
#[derive(Debug, Default)]
pub struct Source {
    pub modules: Vec<Module>,
    pub mentions: Vec<Mention>,
}

impl Source {
    /// Reads a crate from its root file on. `read` gives the text of a file, or nothing where there is no such file.
    pub fn read(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Source {
        let mut source = Source::default();
        source.add_file(root, root.with_file_name(""), None, read);
        source
    }

    /// Reads a crate from the disk.
    pub fn of_crate(root: &Path) -> Source {
        Source::read(root, &|path| fs::read_to_string(path).ok())
    }

    fn add_file(
        &mut self,
        file: &Path,
        children: PathBuf,
        parent: Option<ModuleId>,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> ModuleId {
        let text = read(file).unwrap_or_else(|| panic!("{} cannot be read", file.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.add_module(file, &children, parent, &syntax.items, read)
    }

    /// Adds a module. The files of its children are in `children`.
    fn add_module(
        &mut self,
        file: &Path,
        children: &Path,
        parent: Option<ModuleId>,
        items: &[Item],
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> ModuleId {
        let id = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, names: HashMap::new(), globs: Vec::new() });
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            if let Item::Mod(module) = item {
                let name = module.ident.to_string();
                let inner = children.join(&name);
                let child = match &module.content {
                    Some((_, items)) => self.add_module(file, &inner, Some(id), items, read),
                    None => {
                        let beside = children.join(format!("{name}.rs"));
                        let below = inner.join("mod.rs");
                        let file = if read(&beside).is_some() { beside } else { below };
                        self.add_file(&file, inner, Some(id), read)
                    }
                };
                self.bind(id, name, Name::Module(child));
            } else {
                if let Some(name) = defined(item) {
                    self.bind(id, name, Name::Item);
                }
                Reader { source: self, module: id }.visit_item(item);
            }
        }
        id
    }

    fn bind(&mut self, module: ModuleId, name: String, means: Name) {
        self.modules[module].names.entry(name).or_default().push(means);
    }
}

/// The name that an item defines.
fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let words: Vec<String> = list.tokens.clone().into_iter().map(|token| token.to_string()).collect();
                words == ["test"]
            })
    })
}

/// Notes what an item mentions.
struct Reader<'a> {
    source: &'a mut Source,
    module: ModuleId,
}

impl Reader<'_> {
    fn mention(&mut self, path: Vec<String>) {
        self.source.mentions.push(Mention { module: self.module, path });
    }

    fn import(&mut self, tree: &UseTree, mut before: Vec<String>, is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before, is_public);
            }
            UseTree::Name(name) => self.imported(before, name.ident.to_string(), None, is_public),
            UseTree::Rename(name) => {
                self.imported(before, name.ident.to_string(), Some(name.rename.to_string()), is_public);
            }
            UseTree::Glob(_) => self.source.modules[self.module].globs.push(before),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before.clone(), is_public);
                }
            }
        }
    }

    fn imported(&mut self, mut path: Vec<String>, name: String, rename: Option<String>, is_public: bool) {
        let bound = match (&rename, name.as_str()) {
            (Some(rename), _) => rename.clone(),
            (None, "self") => path.last().cloned().unwrap_or_default(),
            (None, _) => name.clone(),
        };
        if name != "self" {
            path.push(name);
        }
        // A name that is given on is no import, but where the file uses it itself, which then mentions it.
        if !is_public {
            self.mention(path.clone());
        }
        self.source.bind(self.module, bound, Name::Alias(path));
    }

    /// Paths in what no parser knows: the arguments of macros and attributes.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.end(&mut path);
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Literal(literal) => self.literal(&literal.to_string()),
                        _ => {}
                    }
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.mention(std::mem::take(path));
        }
    }

    /// A path as text: `#[serde(with = "super::seconds")]`.
    fn literal(&mut self, literal: &str) {
        let text = literal.trim_matches('"');
        if let Ok(path) = syn::parse_str::<syn::Path>(text) {
            self.mention(segments(&path));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, Vec::new(), !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.mention(segments(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.mention(segments(&item.path));
        self.tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.tokens(list.tokens.clone()),
            Meta::NameValue(pair) if !attribute.path().is_ident("doc") => {
                if let Expr::Lit(literal) = &pair.value
                    && let Lit::Str(text) = &literal.lit
                {
                    self.literal(&text.value());
                }
            }
            _ => {}
        }
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}
