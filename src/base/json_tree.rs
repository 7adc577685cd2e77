//! A parsed text that types read themselves from. What is written as an object is never read as a list, nor the same member twice.

use std::fmt;
use std::vec::IntoIter;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::base::json::Error;

/// See the module.
#[derive(Debug, Clone, Default)]
pub enum Tree {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number, not negative.
    Unsigned(u64),
    /// A whole number, negative.
    Signed(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// In the order of the text.
    Members(Vec<(String, Tree)>),
}

impl Tree {
    /// The text of that member, if there is one of that name and no second one.
    pub fn text(&self, name: &str) -> Option<&str> {
        let Tree::Members(members) = self else { return None };
        let mut named = members.iter().filter(|(member, _)| member == name);
        match (named.next(), named.next()) {
            (Some((_, Tree::Text(text))), None) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(Grow)
    }
}

struct Grow;

impl<'de> Visitor<'de> for Grow {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(u64::try_from(value).map_or(Tree::Signed(value), Tree::Unsigned))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Members(members))
    }
}

fn kind(tree: &Tree) -> &'static str {
    match tree {
        Tree::Null => "null",
        Tree::Bool(_) => "a boolean",
        Tree::Unsigned(_) | Tree::Signed(_) => "an integer",
        Tree::Float(_) => "a fraction",
        Tree::Text(_) => "a string",
        Tree::List(_) => "a list",
        Tree::Members(_) => "an object",
    }
}

/// Of another kind than it should be. Like the other functions that are not generic: apart, so that it is compiled once.
#[cold]
#[inline(never)]
fn wrong(tree: &Tree, expected: &dyn Expected) -> Error {
    Error::custom(format_args!("invalid type: {}, expected {expected}", kind(tree)))
}

#[cold]
#[inline(never)]
fn too_long(length: usize, taken: usize) -> Error {
    Error::invalid_length(length, &format!("a tuple of size {taken}").as_str())
}

fn number<'de, V: Visitor<'de>>(tree: Tree, visitor: V) -> Result<V::Value, Error> {
    match tree {
        Tree::Unsigned(number) => visitor.visit_u64(number),
        Tree::Signed(number) => visitor.visit_i64(number),
        Tree::Float(number) => visitor.visit_f64(number),
        other => Err(wrong(&other, &visitor)),
    }
}

fn text<'de, V: Visitor<'de>>(tree: Tree, visitor: V) -> Result<V::Value, Error> {
    match tree {
        Tree::Text(text) => visitor.visit_string(text),
        other => Err(wrong(&other, &visitor)),
    }
}

fn list<'de, V: Visitor<'de>>(items: Vec<Tree>, visitor: V) -> Result<V::Value, Error> {
    let length = items.len();
    let mut items = Items(items.into_iter());
    let value = visitor.visit_seq(&mut items)?;
    if items.0.len() == 0 { Ok(value) } else { Err(too_long(length, length - items.0.len())) }
}

macro_rules! each {
    ($reader:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            $reader(self, visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Tree {
    type Error = Error;

    each!(text: deserialize_char deserialize_str deserialize_string deserialize_identifier);
    each!(number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(value),
            Tree::Text(text) => visitor.visit_string(text),
            Tree::List(items) => list(items, visitor),
            Tree::Members(members) => visitor.visit_map(Members::new(members)),
            other => number(other, visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Tree::Bool(value) => visitor.visit_bool(value),
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Tree::Null => visitor.visit_unit(),
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if matches!(self, Tree::Null) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Tree::List(items) => list(items, visitor),
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Tree::Members(members) => visitor.visit_map(Members::new(members)),
            other => Err(wrong(&other, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _name: &'static str, _fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _name: &'static str, _variants: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        match variant(self) {
            Ok(variant) => visitor.visit_enum(variant),
            Err(other) => Err(wrong(&other, &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 bytes byte_buf unit_struct tuple_struct }
}

/// An enum is its variant's name, or an object of that one member.
#[inline(never)]
fn variant(tree: Tree) -> Result<Variant, Tree> {
    match tree {
        Tree::Text(name) => Ok(Variant { name, value: Tree::Null }),
        Tree::Members(mut members) if members.len() == 1 => members.pop().map(|(name, value)| Variant { name, value }).ok_or(Tree::Null),
        other => Err(other),
    }
}

struct Items(IntoIter<Tree>);

impl<'de> SeqAccess<'de> for &mut Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Members {
    rest: IntoIter<(String, Tree)>,
    value: Tree,
}

impl Members {
    fn new(members: Vec<(String, Tree)>) -> Members {
        Members { rest: members.into_iter(), value: Tree::Null }
    }

    #[inline(never)]
    fn name(&mut self) -> Option<Tree> {
        let (name, value) = self.rest.next()?;
        self.value = value;
        Some(Tree::Text(name))
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.name().map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(std::mem::take(&mut self.value))
    }
}

struct Variant {
    name: String,
    value: Tree,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Error;
    type Variant = Tree;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Tree), Error> {
        Ok((seed.deserialize(Tree::Text(self.name))?, self.value))
    }
}

impl<'de> VariantAccess<'de> for Tree {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if matches!(self, Tree::Null) { Ok(()) } else { Err(wrong(&self, &"nothing")) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }
}
