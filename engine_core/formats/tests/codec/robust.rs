//! Whatever the bytes, reading ends with documents or findings, never with a panic.

use crate::bodies::{message, numbers, right};
use proptest::prelude::*;
use whampoa_formats::envelope::{Envelope, wrap};
use whampoa_formats::proto::Severity;
use whampoa_formats::read::{Reading, read};

fn envelope() -> Envelope {
    Envelope {
        cop_msg_id: "1".to_owned(),
        sender_id: "DXPENT1".to_owned(),
        receiver_ids: vec!["DXPEDCCEB0000003".to_owned()],
        create_time: "2026-01-05T10:15:00".to_owned(),
        msg_type: "CEB603Message".to_owned(),
    }
}

fn sources() -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = numbers()
        .map(|number| message(number, &[right(number)]))
        .collect();
    found.push(wrap(&found[0], &envelope()).expect("a right envelope"));
    found
}

fn sound(reading: &Reading) -> bool {
    let malformed = i32::from(Severity::Malformed);
    let broken = reading
        .findings
        .iter()
        .any(|finding| finding.severity == malformed);
    let documents = reading.documents as usize;
    if broken {
        reading.accepted.is_empty()
    } else {
        documents > 0 && reading.accepted.len() <= documents
    }
}

fn only(bytes: &[u8]) -> String {
    let reading = read(bytes);
    let [finding] = reading.findings.as_slice() else {
        panic!("{:?}", reading.findings)
    };
    assert_eq!(finding.severity, i32::from(Severity::Malformed));
    assert!(reading.accepted.is_empty());
    finding.rule.clone()
}

#[test]
fn hostile_messages_get_one_clear_finding() {
    let right = String::from_utf8(message(505, &[right(505)])).expect("UTF-8");
    let swap = |from: &str, to: &str| right.replacen(from, to, 1).into_bytes();
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;&a;\">]><CEB505Message ";
    let external = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><CEB505Message ";
    let nested = format!(
        "</BaseTransfer><ExtendMessage><name/><version/><Message>{}",
        "<a>".repeat(100_000)
    );
    let many: String = (0..1_000_000).map(|at| format!("a{at}='' ")).collect();
    let many = format!("<CEB505Message {many}");
    let extension = |inside: &str| {
        let open = "</BaseTransfer><ExtendMessage><name/><version/><Message>";
        format!("{open}{inside}</Message></ExtendMessage>")
    };
    let doctype = "<!DOCTYPE x SYSTEM \"http://x/y.dtd\"><CEB505Message ";
    let no_utf8 = |byte: u8| {
        if byte == b'W' || byte == b'C' {
            0xff
        } else {
            byte
        }
    };
    let cases = [
        ("DTD_FORBIDDEN", swap("<CEB505Message ", bomb)),
        ("DTD_FORBIDDEN", swap("<CEB505Message ", external)),
        ("DTD_FORBIDDEN", swap("<CEB505Message ", doctype)),
        ("NOT_WELL_FORMED", swap("shirts", "&a;")),
        ("NOT_WELL_FORMED", swap("shirts", "\u{1}")),
        (
            "NOT_WELL_FORMED",
            right.as_bytes()[..right.len() - 9].to_vec(),
        ),
        ("NOT_WELL_FORMED", Vec::new()),
        ("TOO_DEEP", swap("</BaseTransfer>", &nested)),
        ("TOO_MANY_ATTRIBUTES", swap("<CEB505Message ", &many)),
        (
            "NOT_WELL_FORMED",
            swap("</BaseTransfer>", &extension("<a$b/>")),
        ),
        ("TOO_LARGE", swap("</CEB505Message>", &" ".repeat(9 << 20))),
        ("TOO_LARGE", vec![b'<'; 13 << 20]),
        ("ENCODING_INVALID", swap("UTF-8", "GBK")),
        (
            "ENCODING_INVALID",
            [b"\xff\xfe".as_slice(), right.as_bytes()].concat(),
        ),
        ("ENCODING_INVALID", right.bytes().map(no_utf8).collect()),
        ("ROOT_UNKNOWN", swap("<CEB505Message", "<CEB999Message")),
    ];
    for (rule, bytes) in cases {
        assert_eq!(
            only(&bytes),
            rule,
            "{:.80}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn a_message_of_empty_rows_is_told_of_in_bounds() {
    let right = String::from_utf8(message(509, &[right(509)])).expect("UTF-8");
    let rows = "<DepartureList/>".repeat(400_000);
    let reading = read(
        right
            .replacen("<DepartureList>", &format!("{rows}<DepartureList>"), 1)
            .as_bytes(),
    );
    assert!(
        (200..210).contains(&reading.findings.len()),
        "{}",
        reading.findings.len()
    );
}

#[test]
fn an_envelope_is_taken_off() {
    let bare = message(303, &[right(303)]);
    let wrapped = wrap(&bare, &envelope()).expect("a right envelope");
    let (inside, outside) = (read(&bare), read(&wrapped));
    assert_eq!(outside.envelope, Some(envelope()));
    assert_eq!(outside.accepted, inside.accepted);
    assert_eq!(outside.findings[0].rule, "ENVELOPE_TYPE_MISMATCH");
    let twice = wrap(&wrapped, &envelope()).expect("a right envelope");
    assert_eq!(only(&twice), "ROOT_UNKNOWN");
}

#[test]
fn a_broken_envelope_gets_one_clear_finding() {
    let text =
        String::from_utf8(wrap(&message(303, &[right(303)]), &envelope()).expect("an envelope"))
            .expect("UTF-8");
    for (from, to, rule) in [
        ("ver=\"1.0\"", "ver=\"2.0\"", "ATTRIBUTE_INVALID"),
        (" ver=\"1.0\"", "", "ATTRIBUTE_MISSING"),
        ("<CopMsgId>1</CopMsgId>", "", "ELEMENT_UNEXPECTED"),
        ("<CopMsgId>1<", "<CopMsgId><", "LENGTH_INVALID"),
        (
            "<ReceiverId>DXPEDCCEB0000003</ReceiverId>",
            "",
            "ELEMENT_MISSING",
        ),
        ("2026-01-05T10:15:00", "2026-01-05", "DATE_TIME_INVALID"),
        ("<Data>", "<Data>!", "DATA_INVALID"),
        ("<Data>", "<Data>AAA=", "DATA_INVALID"),
        ("</Data>", "</Data><Data/>", "ELEMENT_UNEXPECTED"),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(
            only(text.replacen(from, to, 1).as_bytes()),
            rule,
            "{from} {to}"
        );
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(sound(&read(&bytes)));
    }

    #[test]
    fn random_markup_never_panics(text in "[<>/a-c&;\"'= !?\\[\\]\\-:#x0-9中]{0,200}") {
        prop_assert!(sound(&read(text.as_bytes())));
    }

    #[test]
    fn damaged_messages_never_panic(
        source in any::<prop::sample::Index>(),
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6),
    ) {
        let all = sources();
        let mut bytes = source.get(&all).clone();
        for (at, byte, kind) in damages {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), byte),
                _ if bytes.is_empty() => {}
                2 => bytes[at] = byte,
                _ => { bytes.remove(at); }
            }
        }
        prop_assert!(sound(&read(&bytes)));
    }
}
