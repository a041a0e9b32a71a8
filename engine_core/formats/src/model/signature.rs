//! The shape of a W3C signature, as far as customs uses it: enveloped, one kind of transform, X.509 keys.

/// What an attribute's text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    Uri,
    /// A name, unique in the message.
    Id,
}

/// One attribute of a signature's element.
#[derive(Clone, Copy, Debug)]
pub struct AttributeSpec {
    pub name: &'static str,
    pub kind: AttributeKind,
    pub required: bool,
}

/// What stands inside an element of the signature.
#[derive(Clone, Copy, Debug)]
pub enum Inside {
    Text,
    Base64,
    Integer,
    /// Elements in this order: node, least and greatest count.
    Sequence(&'static [(&'static Node, usize, usize)]),
    /// At least one of these, at most so many, in any order, with text between them when mixed.
    Choice {
        of: &'static [&'static Node],
        most: usize,
        mixed: bool,
    },
}

/// One element of the signature.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub name: &'static str,
    pub attributes: &'static [AttributeSpec],
    pub inside: Inside,
}

const MANY: usize = usize::MAX;
const ID: AttributeSpec = AttributeSpec {
    name: "Id",
    kind: AttributeKind::Id,
    required: false,
};
const URI: AttributeSpec = AttributeSpec {
    name: "URI",
    kind: AttributeKind::Uri,
    required: false,
};
const TYPE: AttributeSpec = AttributeSpec {
    name: "Type",
    kind: AttributeKind::Uri,
    required: false,
};
const ALGORITHM: &[AttributeSpec] = &[AttributeSpec {
    name: "Algorithm",
    kind: AttributeKind::Uri,
    required: true,
}];

/// The whole signature.
pub static SIGNATURE: Node = node(
    "Signature",
    &[ID],
    Inside::Sequence(&[
        (&SIGNED_INFO, 1, 1),
        (&SIGNATURE_VALUE, 1, 1),
        (&KEY_INFO, 0, 1),
    ]),
);
static SIGNED_INFO: Node = node(
    "SignedInfo",
    &[],
    Inside::Sequence(&[
        (&CANONICALIZATION_METHOD, 1, 1),
        (&SIGNATURE_METHOD, 1, 1),
        (&REFERENCE, 1, MANY),
    ]),
);
static CANONICALIZATION_METHOD: Node = node("CanonicalizationMethod", ALGORITHM, Inside::Text);
static SIGNATURE_METHOD: Node = node("SignatureMethod", ALGORITHM, Inside::Text);
static REFERENCE: Node = node(
    "Reference",
    &[ID, URI, TYPE],
    Inside::Sequence(&[
        (&TRANSFORMS, 0, 1),
        (&DIGEST_METHOD, 1, 1),
        (&DIGEST_VALUE, 1, 1),
    ]),
);
static TRANSFORMS: Node = node(
    "Transforms",
    &[],
    Inside::Sequence(&[(&TRANSFORM, 1, MANY)]),
);
static TRANSFORM: Node = node("Transform", ALGORITHM, Inside::Text);
static DIGEST_METHOD: Node = node("DigestMethod", ALGORITHM, Inside::Text);
static DIGEST_VALUE: Node = node("DigestValue", &[], Inside::Base64);
static SIGNATURE_VALUE: Node = node("SignatureValue", &[], Inside::Base64);
static KEY_INFO: Node = node(
    "KeyInfo",
    &[],
    Inside::Choice {
        of: &[&KEY_NAME, &KEY_VALUE, &X509_DATA],
        most: MANY,
        mixed: true,
    },
);
static KEY_NAME: Node = node("KeyName", &[], Inside::Text);
static KEY_VALUE: Node = node(
    "KeyValue",
    &[],
    Inside::Choice {
        of: &[&RSA_KEY_VALUE],
        most: 1,
        mixed: true,
    },
);
static RSA_KEY_VALUE: Node = node(
    "RSAKeyValue",
    &[],
    Inside::Sequence(&[(&MODULUS, 1, 1), (&EXPONENT, 1, 1)]),
);
static MODULUS: Node = node("Modulus", &[], Inside::Base64);
static EXPONENT: Node = node("Exponent", &[], Inside::Base64);
static X509_DATA: Node = node(
    "X509Data",
    &[],
    Inside::Choice {
        of: &[
            &ISSUER_SERIAL,
            &SUBJECT_KEY,
            &SUBJECT_NAME,
            &CERTIFICATE,
            &REVOCATION_LIST,
        ],
        most: MANY,
        mixed: false,
    },
);
static ISSUER_SERIAL: Node = node(
    "X509IssuerSerial",
    &[],
    Inside::Sequence(&[(&ISSUER_NAME, 1, 1), (&SERIAL_NUMBER, 1, 1)]),
);
static ISSUER_NAME: Node = node("X509IssuerName", &[], Inside::Text);
static SERIAL_NUMBER: Node = node("X509SerialNumber", &[], Inside::Integer);
static SUBJECT_KEY: Node = node("X509SKI", &[], Inside::Base64);
static SUBJECT_NAME: Node = node("X509SubjectName", &[], Inside::Text);
static CERTIFICATE: Node = node("X509Certificate", &[], Inside::Base64);
static REVOCATION_LIST: Node = node("X509CRL", &[], Inside::Base64);

const fn node(name: &'static str, attributes: &'static [AttributeSpec], inside: Inside) -> Node {
    Node {
        name,
        attributes,
        inside,
    }
}
