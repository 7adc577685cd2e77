//! The XML bodies of S3, out and in, as serde types; each operation has its own (Amazon S3 API reference).

use quick_xml::se::{QuoteLevel, Serializer};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Error of an XML response that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable answer of the store")]
pub struct Unreadable;

/// Reads a whole document. `T` is an enum whose variants are the names of the root elements that are expected, since the name of a struct is not compared.
/// Names are compared without their namespace prefix.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, Unreadable> {
    // A byte order mark, and the white space S3 sends while it works (CompleteMultipartUpload), may stand before the XML declaration.
    quick_xml::de::from_str(body.trim_start_matches('\u{feff}').trim()).map_err(|_| Unreadable)
}

/// The document of a request. All five special characters are escaped, as the SDKs of AWS do.
pub fn write(document: &impl Serialize) -> String {
    let mut out = String::new();
    let mut serializer = Serializer::new(&mut out);
    serializer.set_quote_level(QuoteLevel::Full).expand_empty_elements(true);
    // A String takes everything, and a struct of texts and numbers has no form that XML lacks; a document cut short would be refused (MalformedXML).
    let _ = document.serialize(serializer);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    enum Document {
        Root {
            #[serde(rename = "Text")]
            text: String,
            #[serde(rename = "Item", default)]
            items: Vec<u16>,
        },
    }

    fn text_of(body: &str) -> Result<String, Unreadable> {
        read(body).map(|Document::Root { text, .. }| text)
    }

    #[test]
    fn namespaces_prefixes_marks_and_white_space_are_tolerated() {
        for body in [
            "<Root><Text>x</Text></Root>",
            "<Root xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Text>x</Text></Root>",
            "<s3:Root xmlns:s3=\"urn:x\"><s3:Text>x</s3:Text></s3:Root>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Root>\n  <Text>x</Text>\n</Root>\n",
            " \r\n <?xml version='1.0'?>\n\n <!-- c --> <Root><Unknown><Text>y</Text></Unknown><Text>x</Text><Unknown/></Root>",
            "<Root><Text><![CDATA[x]]></Text></Root>",
            "<Root><Text>&#x78;</Text></Root>",
        ] {
            assert_eq!(text_of(body).as_deref(), Ok("x"), "{body}");
        }
    }

    #[test]
    fn texts_keep_their_spaces_and_references_are_resolved() {
        assert_eq!(text_of("<Root><Text> a&amp;b&lt;&#65;&quot; c </Text></Root>").as_deref(), Ok(" a&b<A\" c "));
        assert_eq!(text_of("<Root><Text/></Root>").as_deref(), Ok(""));
        assert_eq!(text_of("<Root><Text></Text></Root>").as_deref(), Ok(""));
    }

    #[test]
    fn lists_may_be_interrupted_by_other_elements() {
        let document = read("<Root><Item>1</Item><Text>x</Text><Item> 2 </Item></Root>");
        assert_eq!(document, Ok(Document::Root { text: "x".to_owned(), items: vec![1, 2] }));
    }

    #[test]
    fn other_roots_cut_short_and_malformed_are_unreadable() {
        for body in [
            "",
            " ",
            "x",
            "<html>",
            "<Other><Text>x</Text></Other>",
            "<Root><Text>x</Text>",
            "<Root><Text>x",
            "<Root><Text>x</Other></Root>",
            "<Root><Text>&unknown;</Text></Root>",
            "<Root><Text>x</Text><Item>65536</Item></Root>",
        ] {
            assert_eq!(text_of(body), Err(Unreadable), "{body}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in "(<[/!?]?|Root|Text|Item|/?>|\\[CDATA\\[|\\]\\]>|--|DOCTYPE|&|;|#|x| |\"){0,30}") {
            let _ = read::<Document>(&body);
            let _ = read::<Document>(&format!("<Root><Text>{body}</Text></Root>"));
        }
    }
}
