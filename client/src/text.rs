//! Text of servers and file names, made safe for a terminal.

/// Whether a terminal would obey the character or hide it instead of showing it: C0 and C1 controls, line and paragraph separators, the controls of
/// bidirectional text (Unicode Standard Annex 9), which can make a name read backwards, and characters without any shape.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every character that a terminal would obey or hide as `\u{202e}`.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// JSON with the same characters as `\u202e`. They can be in its strings only, where that means the same.
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe(character) {
            let mut units = [0; 2];
            shown.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bidi_and_control_characters_are_escaped_and_letters_of_all_scripts_are_not() {
        assert_eq!(
            printable("gpj.\u{202e}exe\u{1b}[2J\u{9b}31m\r\n\u{7f}\u{2066}\u{200f}\0"),
            "gpj.\\u{202e}exe\\u{1b}[2J\\u{9b}31m\\u{d}\\u{a}\\u{7f}\\u{2066}\\u{200f}\\u{0}"
        );
        for text in ["naïve.txt", "файл", "ملف", "文件 (1).mp4", "👩\u{200d}🚀.png", "C:\\a\\b"] {
            assert_eq!(printable(text), text);
        }
        let bidi = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{200e}', '\u{200f}', '\u{61c}']);
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        for character in bidi.chain(controls) {
            assert!(printable(&character.to_string()).is_ascii(), "{character:?}");
        }
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{9b}\u{e0041}\n\"é" });
        let shown = printable_json(&value.to_string());
        assert_eq!(shown, r#"{"name":"a\u202eb\u009b\udb40\udc41\n\"é"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
