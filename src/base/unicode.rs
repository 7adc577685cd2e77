//! Unicode normalization. Its tables would be 45 KB gzipped in the module, and every JavaScript runtime has them: the platform's function is passed in.

/// Gives a text in normalization form C (Unicode Standard Annex #15): `String.prototype.normalize` in the Worker.
pub type Compose = fn(&str) -> String;

/// The same by a library, for tests.
#[cfg(test)]
pub fn compose(text: &str) -> String {
    icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}
