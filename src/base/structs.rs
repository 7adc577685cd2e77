//! A deserializer that reads a struct from an object only.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

/// Passes everything on to another deserializer, but asks it for a map where a struct is wanted, at any depth.
///
/// A format may hand a struct over as a list, too, by position, and serde derives code for both. No row and no stored state is written that way: a list is an error that shows,
/// and what would read it, a tenth of the module, is not compiled.
pub struct FromObjects<D>(pub D);

macro_rules! pass_on {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for FromObjects<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Inside(visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Inside(visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_seq(Inside(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Inside(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(self, name: &'static str, variants: &'static [&'static str], visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Inside(visitor))
    }

    pass_on! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf() deserialize_unit()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str) deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize) deserialize_identifier() deserialize_ignored_any()
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// What a value consists of, as [`FromObjects`] hands it over: the visitor, then the list, map or variant, then each seed of a value in it.
struct Inside<T>(T);

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }
    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }
    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(FromObjects(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Inside(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Inside(members))
    }
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Inside(variant))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Inside<A> {
    type Error = A::Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Inside(seed))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Inside<A> {
    type Error = A::Error;
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Inside(seed))
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Inside<A> {
    type Error = A::Error;
    type Variant = Inside<A::Variant>;
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Inside<A::Variant>), A::Error> {
        self.0.variant_seed(seed).map(|(name, content)| (name, Inside(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Inside<A> {
    type Error = A::Error;
    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.newtype_variant_seed(Inside(seed))
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Inside(visitor))
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Inside<T> {
    type Value = T::Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.0.deserialize(FromObjects(deserializer))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        id: u64,
        name: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Nothing,
        Of(Row),
        Two(u64, u64),
        Named { row: Row },
    }

    fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
        T::deserialize(FromObjects(&mut serde_json::Deserializer::from_str(text))).map_err(|error| error.to_string())
    }

    fn row() -> Row {
        Row { id: 1, name: Some("a".to_owned()) }
    }

    #[test]
    fn object_is_read_as_a_struct_at_any_depth() {
        let text = r#"{"id":1,"name":"a"}"#;
        assert_eq!(read(text), Ok(row()));
        assert_eq!(read(&format!("[{text},{text}]")), Ok(vec![row(), row()]));
        assert_eq!(read(&format!(r#"{{"a":[null,{text}]}}"#)), Ok(BTreeMap::from([("a".to_owned(), vec![None, Some(row())])])));
        assert_eq!(
            read(&format!(r#"["nothing",{{"of":{text}}},{{"two":[2,3]}},{{"named":{{"row":{text}}}}}]"#)),
            Ok(vec![Kind::Nothing, Kind::Of(row()), Kind::Two(2, 3), Kind::Named { row: row() }])
        );
    }

    #[test]
    fn list_in_place_of_a_struct_is_refused_at_any_depth() {
        fn refused<T: fmt::Debug + for<'de> Deserialize<'de>>(text: &str) {
            let error = read::<T>(text).unwrap_err();
            assert!(error.starts_with("invalid type: sequence, expected struct Row"), "{text}: {error}");
        }
        refused::<Row>(r#"[1,"a"]"#);
        refused::<Vec<Row>>(r#"[[1,"a"]]"#);
        refused::<Option<Row>>(r#"[1,"a"]"#);
        refused::<BTreeMap<String, Row>>(r#"{"a":[1,"a"]}"#);
        refused::<Kind>(r#"{"of":[1,"a"]}"#);
        refused::<Kind>(r#"{"named":{"row":[1,"a"]}}"#);
    }

    #[test]
    fn other_types_are_read_as_they_are() {
        assert_eq!(read(r#"[1,[2,3],"a"]"#), Ok((1, vec![2, 3], "a".to_owned())));
        assert_eq!(read("[null,1]"), Ok(vec![None, Some(1)]));
        assert_eq!(read("null"), Ok(()));
        assert_eq!(read(r#"{"a":[1]}"#), Ok(BTreeMap::from([("a".to_owned(), [1])])));
        assert_eq!(read(r#"{"a":[1]}"#), Ok(serde_json::json!({ "a": [1] })));
    }
}
