//! The closed table of rules: number, code, severity, sentence. Findings and their documentation come from here.

use crate::proto::Severity;

/// One rule as told to people: `{field}`, `{value}` and `{other}` stand for the place, its text and what it met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub rule: Rule,
    pub number: u16,
    pub code: &'static str,
    pub severity: Severity,
    pub sentence: &'static str,
}

macro_rules! rules {
    ($($number:literal $severity:ident $name:ident $code:literal $sentence:literal;)*) => {
        /// What a message or document can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule { $($name),* }

        /// Every rule, by ascending number.
        pub const RULES: &[Entry] = &[$(Entry {
            rule: Rule::$name,
            number: $number,
            code: $code,
            severity: Severity::$severity,
            sentence: $sentence,
        }),*];
    };
}

rules! {
    // 1xx: the structure is not the schema's.
    101 Malformed TooLarge "TOO_LARGE" "The message is larger than {other} bytes.";
    102 Malformed EncodingInvalid "ENCODING_INVALID" "The message is not UTF-8: {other}.";
    103 Malformed NotWellFormed "NOT_WELL_FORMED" "The XML is broken: {other}.";
    104 Malformed DtdForbidden "DTD_FORBIDDEN" "A document type declaration is never accepted.";
    105 Malformed TooDeep "TOO_DEEP" "Elements are nested deeper than {other}.";
    106 Malformed RootUnknown "ROOT_UNKNOWN" "The root element {value} is no message of the export schema.";
    107 Malformed AttributeMissing "ATTRIBUTE_MISSING" "The attribute {field} is missing.";
    108 Malformed AttributeInvalid "ATTRIBUTE_INVALID" "The attribute {field} must be {other}.";
    109 Malformed AttributeUnexpected "ATTRIBUTE_UNEXPECTED" "The attribute {field} is not expected here.";
    110 Malformed ElementMissing "ELEMENT_MISSING" "The element {field} is missing.";
    111 Malformed ElementUnexpected "ELEMENT_UNEXPECTED" "The element {field} is not expected here.";
    112 Malformed TextUnexpected "TEXT_UNEXPECTED" "There is text between elements.";
    113 Malformed TooManyDocuments "TOO_MANY_DOCUMENTS" "The message has more than {other} documents.";
    114 Malformed TooManyLines "TOO_MANY_LINES" "The document has more than {other} rows.";
    115 Malformed TooManyElements "TOO_MANY_ELEMENTS" "The element {field} stands more than {other} times.";
    116 Malformed LengthInvalid "LENGTH_INVALID" "{field} must have {other} characters.";
    117 Malformed DecimalInvalid "DECIMAL_INVALID" "{field} must be a decimal of 19 digits, 5 of them after the point.";
    118 Malformed IntegerInvalid "INTEGER_INVALID" "{field} must be an integer of {other} digits.";
    119 Malformed ValueFixed "VALUE_FIXED" "{field} must be {other}.";
    120 Malformed LengthOf2018 "LENGTH_OF_2018" "{field} has a length of the 2018 schema; since 202205 it must have {other} characters.";
    121 Malformed ElementSince202205 "ELEMENT_SINCE_202205" "{field} is missing; the 202205 schema requires it, the 2018 schema had none.";
    122 Malformed DataInvalid "DATA_INVALID" "{field} is not Base64.";
    123 Malformed DateTimeInvalid "DATE_TIME_INVALID" "{field} must be a date and time such as 2026-01-31T12:00:00.";
    124 Malformed TooManyAttributes "TOO_MANY_ATTRIBUTES" "A tag has more than {other} attributes.";
    // 2xx: keys and parties.
    201 Refused KeyEmpty "KEY_EMPTY" "{field} is empty, but identifies the document or a party.";
    202 Warning TextEmpty "TEXT_EMPTY" "{field} is empty.";
    203 Refused PartyCodeInvalid "PARTY_CODE_INVALID" "{field} is {value}, neither a customs number of 10 characters nor a credit code of 18.";
    204 Refused CreditCodeInvalid "CREDIT_CODE_INVALID" "{field} is {value}, whose check character is wrong.";
    205 Refused PlatformNameEmpty "PLATFORM_NAME_EMPTY" "{field} is empty, but a platform without a code is known by its name.";
    206 Warning TransmitterCodeInvalid "TRANSMITTER_CODE_INVALID" "{field} is {value}, which identifies no company.";
    // 3xx: codes and dates.
    301 Refused CurrencyUnknown "CURRENCY_UNKNOWN" "{field} is {value}, which is not in the currency table.";
    302 Refused UnitUnknown "UNIT_UNKNOWN" "{field} is {value}, which is not in the table of units.";
    303 Warning CountryUnknown "COUNTRY_UNKNOWN" "{field} is {value}, which is not in the country table.";
    304 Refused CustomsUnknown "CUSTOMS_UNKNOWN" "{field} is {value}, which is no office of a customs district.";
    305 Refused TransportModeUnknown "TRANSPORT_MODE_UNKNOWN" "{field} is {value}, but transport modes are 2 to 6.";
    306 Refused WrapTypeUnknown "WRAP_TYPE_UNKNOWN" "{field} is {value}, but wrap types are 1 to 7.";
    307 Refused TradeModeInvalid "TRADE_MODE_INVALID" "{field} is {value}, but this document takes {other}.";
    308 Refused AppTypeInvalid "APP_TYPE_INVALID" "{field} is {value}, but must be 1 (new), 2 (change) or 3 (delete).";
    309 Refused AppStatusInvalid "APP_STATUS_INVALID" "{field} is {value}, but must be 1 (save) or 2 (declare).";
    310 Refused OrderTypeInvalid "ORDER_TYPE_INVALID" "{field} is {value}, but an export order is E, B or W.";
    311 Refused DirectionInvalid "DIRECTION_INVALID" "{field} is {value}, but this document takes {other}.";
    312 Refused StatisticsFlagInvalid "STATISTICS_FLAG_INVALID" "{field} is {value}, but must be A (simplified) or B (aggregated).";
    313 Refused TariffCodeInvalid "TARIFF_CODE_INVALID" "{field} is {value}, but a commodity code has 10 digits.";
    314 Refused SummaryFlagInvalid "SUMMARY_FLAG_INVALID" "{field} is {value}, but must be 1 or 2.";
    315 Refused TimeInvalid "TIME_INVALID" "{field} is {value}, which is no real date or time.";
    316 Refused PeriodInvalid "PERIOD_INVALID" "{field} and {other} must stand together, the start first.";
    317 Refused ReturnStatusInvalid "RETURN_STATUS_INVALID" "{field} is {value}, but a status is an integer.";
    318 Warning ReturnStatusUnknown "RETURN_STATUS_UNKNOWN" "{field} is {value}, which is not in the table of statuses.";
    319 Warning ReplyFlagUnknown "REPLY_FLAG_UNKNOWN" "{field} of the reply is {value}, which is neither A nor B.";
    // 4xx: amounts, quantities, weights.
    401 Refused AmountNotPositive "AMOUNT_NOT_POSITIVE" "{field} is {value}, but must be above zero.";
    402 Refused AmountNegative "AMOUNT_NEGATIVE" "{field} is {value}, but must not be negative.";
    403 Refused AmountTooLarge "AMOUNT_TOO_LARGE" "{field} is {value}, but at most 14 digits may stand before the point.";
    404 Refused LineTotalMismatch "LINE_TOTAL_MISMATCH" "{field} is {value}, but quantity times price is {other}.";
    405 Refused HeadTotalMismatch "HEAD_TOTAL_MISMATCH" "{field} is {value}, but the totals of the lines add up to {other}.";
    406 Refused NetAboveGross "NET_ABOVE_GROSS" "{field} is {value}, more than the gross weight {other}.";
    407 Refused FirstQuantityMismatch "FIRST_QUANTITY_MISMATCH" "{field} is {value}, but the unit is the same and the quantity declared is {other}.";
    408 Refused SecondQuantityMismatch "SECOND_QUANTITY_MISMATCH" "{field} is {value}, but a second unit and a second quantity stand together; unit2 is {other}.";
    409 Refused CountNotPositive "COUNT_NOT_POSITIVE" "{field} is {value}, but counts from 1.";
    410 Warning ValueAboveCap "VALUE_ABOVE_CAP" "The lines add up to {value} yuan, more than the {other} of the simplified regime.";
    // 5xx: rows, repeats, parts.
    501 Refused LineNumberRepeated "LINE_NUMBER_REPEATED" "{field} is {value}, which an earlier row has.";
    502 Refused LineNumberStart "LINE_NUMBER_START" "{field} is {value}, but the numbers of the rows start at 1.";
    503 Refused RowRepeated "ROW_REPEATED" "{field} is {value}, which an earlier row names.";
    504 Refused DocumentRepeated "DOCUMENT_REPEATED" "{field} is {value}: the document repeats ordinal {other} of the message.";
    505 Refused GuidRepeated "GUID_REPEATED" "{field} is {value}, which ordinal {other} of the message has.";
    506 Refused PartInvalid "PART_INVALID" "{field} is {value}, but the message has {other} parts.";
    // 6xx: modes and the message.
    601 Refused ZoneFieldMissing "ZONE_FIELD_MISSING" "{field} is empty, but the supervision mode {other} is bonded.";
    602 Warning ZoneFieldMisplaced "ZONE_FIELD_MISPLACED" "{field} belongs to bonded modes only, not to {other}.";
    603 Refused LicenceForbidden "LICENCE_FORBIDDEN" "{field} is given, but a simplified declaration takes no goods under licence.";
    604 Refused OriginIsChina "ORIGIN_IS_CHINA" "{field} is {value}, but goods return from abroad.";
    605 Warning SignatureMissing "SIGNATURE_MISSING" "The message has no signature, which the standard asks for.";
    606 Warning EnvelopeTypeMismatch "ENVELOPE_TYPE_MISMATCH" "{field} is {value}, but the envelope holds a {other}.";
}

impl Rule {
    /// The rule's line of the table.
    #[must_use]
    pub const fn entry(self) -> &'static Entry {
        &RULES[self as usize]
    }

    #[must_use]
    pub const fn code(self) -> &'static str {
        self.entry().code
    }

    #[must_use]
    pub const fn severity(self) -> Severity {
        self.entry().severity
    }
}

/// The sentence with its places filled.
#[must_use]
pub fn fill(sentence: &str, field: &str, value: &str, other: &str) -> String {
    let mut text = String::with_capacity(sentence.len() + field.len() + value.len() + other.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(match name {
            "field" => field,
            "value" if value.is_empty() => "empty",
            "value" => value,
            _ => other,
        });
        rest = tail;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_unique_and_in_order() {
        for (at, entry) in RULES.iter().enumerate() {
            assert_eq!(entry.rule as usize, at, "{}", entry.code);
            assert!(entry.sentence.ends_with('.'), "{}", entry.code);
        }
        for pair in RULES.windows(2) {
            assert!(pair[0].number < pair[1].number, "{}", pair[1].code);
        }
        let mut codes: Vec<_> = RULES.iter().map(|entry| entry.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RULES.len());
    }

    #[test]
    fn structural_rules_alone_are_malformed() {
        for entry in RULES {
            let structural = entry.severity == Severity::Malformed;
            assert_eq!(structural, entry.number < 200, "{}", entry.code);
        }
    }

    #[test]
    fn sentences_are_filled() {
        assert_eq!(
            fill("{field} is {value}, not {other}.", "a/b", "1", "2"),
            "a/b is 1, not 2."
        );
        assert_eq!(fill("{field} is {value}.", "qty", "", ""), "qty is empty.");
        assert_eq!(fill("No place.", "a", "b", "c"), "No place.");
    }
}
