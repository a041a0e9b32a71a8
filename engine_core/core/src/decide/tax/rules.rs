//! The regime selector (reference tax.md section 2) as data: the first rule that is in force on the export date and
//! whose test holds gives the regime.

use crate::event::tax::{Database, Regime};

/// What a rule may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Export date E and the day of the decision, YYYYMMDD.
    pub export_date: u32,
    pub today: u32,
    /// Flag of the library row: 0 none, 1 taxed, 2 exempt. `None` when no single row applies.
    pub flag: Option<u8>,
    pub is_small_scale: bool,
    /// Bits of the refund conditions that fail, and of the zone conditions.
    pub refund_missing: u32,
    pub zone_missing: u32,
    /// Purchase vouchers cover the whole item, or a part of it.
    pub has_voucher: bool,
    pub has_part_of_voucher: bool,
    pub is_in_zone: bool,
}

/// One branch of the selector.
pub struct Rule {
    pub regime: Regime,
    pub database: Database,
    /// The instrument it rests on.
    pub basis: &'static str,
    /// Export dates it is in force for; an end of 0 is open.
    pub valid_from: u32,
    pub valid_until: u32,
    pub test: fn(&Findings) -> bool,
}

/// Years after the export within which a refund or exemption can still be filed.
const FILING_YEARS: u32 = 3;

pub const RULES: &[Rule] = &[
    Rule {
        regime: Regime::TaxedFlag1,
        database: Database::Neither,
        basis: "MOF/STA 2026-11 art. 7(1)1, art. 9(2)4: goods whose refund was cancelled are taxed as a domestic sale",
        valid_from: 0,
        valid_until: 0,
        test: |found| found.flag == Some(1),
    },
    Rule {
        regime: Regime::TaxedOverdue,
        database: Database::Neither,
        basis: "MOF/STA 2026-11 art. 9(1)4: nothing filed within 36 months of the export",
        valid_from: 20260101,
        valid_until: 0,
        test: |found| found.today > found.export_date + FILING_YEARS * 10_000,
    },
    Rule {
        regime: Regime::Review,
        database: Database::Neither,
        basis: "reference tax.md section 7.2: a code without one policy is a question, never a guess",
        valid_from: 0,
        valid_until: 0,
        // Taxed either way is decided above; every other branch needs to know that the goods may be refunded.
        test: |found| found.flag.is_none(),
    },
    Rule {
        regime: Regime::ExemptFlag2,
        database: Database::Neither,
        basis: "Annex 8: goods with gold or platinum, diamonds",
        valid_from: 0,
        valid_until: 0,
        test: |found| found.flag == Some(2),
    },
    Rule {
        regime: Regime::ExemptSmall,
        database: Database::Neither,
        basis: "MOF/STA 2026-11 art. 6(1)1: small-scale taxpayers are exempt, never refunded",
        valid_from: 0,
        valid_until: 0,
        test: |found| found.is_small_scale,
    },
    Rule {
        regime: Regime::RefundTrade,
        database: Database::Refund,
        basis: "MOF/STA 2026-11 arts 1, 2; Caishui 2013-96 art. 1: exempt and refund for trading firms",
        valid_from: 0,
        valid_until: 0,
        test: |found| found.refund_missing == 0,
    },
    Rule {
        regime: Regime::ExemptVoucher,
        database: Database::Neither,
        basis: "Caishui 2013-96 art. 2; MOF/STA 2026-11 art. 6(1)1(10): declared, with a legal purchase voucher",
        valid_from: 0,
        valid_until: 0,
        test: |found| found.has_voucher,
    },
    Rule {
        regime: Regime::ExemptNoInvoice,
        database: Database::ExemptNoInvoice,
        // Whether it survives 2026-11 art. 7(1)11 is not confirmed in official text; switch it off by its end date.
        basis: "Caishui 2018-103 (status confirm): registered in a pilot zone, no purchase voucher",
        valid_from: 20181001,
        valid_until: 0,
        test: |found| found.zone_missing == 0,
    },
    Rule {
        regime: Regime::TaxedNoVoucher,
        database: Database::Neither,
        basis: "MOF/STA 2026-11 art. 7(1)11: no voucher at all outside the zones",
        valid_from: 0,
        valid_until: 0,
        test: |found| !found.has_part_of_voucher && !found.is_in_zone,
    },
];

/// The regime of an item and its database; what fits nowhere is for a person to look at.
pub fn select(found: &Findings) -> (Regime, Database) {
    let applies = |rule: &&Rule| {
        super::is_valid_on(found.export_date, rule.valid_from, rule.valid_until)
            && (rule.test)(found)
    };
    RULES
        .iter()
        .find(applies)
        .map_or((Regime::Review, Database::Neither), |rule| {
            (rule.regime, rule.database)
        })
}

#[cfg(test)]
mod tests {
    use super::{Findings, RULES, select};
    use crate::event::tax::{Database, Regime};

    const FAILING: Findings = Findings {
        export_date: 20260801,
        today: 20261124,
        flag: Some(0),
        is_small_scale: false,
        refund_missing: 1 << 4,
        zone_missing: 1 << 11,
        has_voucher: false,
        has_part_of_voucher: false,
        is_in_zone: false,
    };

    #[test]
    fn the_first_rule_that_holds_decides() {
        let refund = Findings {
            refund_missing: 0,
            has_voucher: true,
            has_part_of_voucher: true,
            ..FAILING
        };
        let zone = Findings {
            zone_missing: 0,
            is_in_zone: true,
            ..FAILING
        };
        for (found, regime, database) in [
            (
                Findings {
                    flag: Some(1),
                    ..refund
                },
                Regime::TaxedFlag1,
                Database::Neither,
            ),
            (
                Findings {
                    today: 20290802,
                    ..refund
                },
                Regime::TaxedOverdue,
                Database::Neither,
            ),
            (
                Findings {
                    today: 20290801,
                    ..refund
                },
                Regime::RefundTrade,
                Database::Refund,
            ),
            // Nobody guesses what an unknown code would be; overdue it is taxed whatever it is.
            (
                Findings {
                    flag: None,
                    ..refund
                },
                Regime::Review,
                Database::Neither,
            ),
            (
                Findings {
                    flag: None,
                    today: 20290802,
                    ..zone
                },
                Regime::TaxedOverdue,
                Database::Neither,
            ),
            // The clock runs for exports from 2026 on only.
            (
                Findings {
                    export_date: 20251231,
                    today: 20300101,
                    ..refund
                },
                Regime::RefundTrade,
                Database::Refund,
            ),
            (
                Findings {
                    flag: Some(2),
                    ..refund
                },
                Regime::ExemptFlag2,
                Database::Neither,
            ),
            (
                Findings {
                    is_small_scale: true,
                    ..refund
                },
                Regime::ExemptSmall,
                Database::Neither,
            ),
            (refund, Regime::RefundTrade, Database::Refund),
            (
                Findings {
                    refund_missing: 1 << 9,
                    ..refund
                },
                Regime::ExemptVoucher,
                Database::Neither,
            ),
            (zone, Regime::ExemptNoInvoice, Database::ExemptNoInvoice),
            (
                Findings {
                    export_date: 20180901,
                    ..zone
                },
                Regime::Review,
                Database::Neither,
            ),
            (FAILING, Regime::TaxedNoVoucher, Database::Neither),
            (
                Findings {
                    has_part_of_voucher: true,
                    ..FAILING
                },
                Regime::Review,
                Database::Neither,
            ),
            (
                Findings {
                    is_in_zone: true,
                    ..FAILING
                },
                Regime::Review,
                Database::Neither,
            ),
        ] {
            assert_eq!(select(&found), (regime, database), "{found:?}");
        }
    }

    #[test]
    fn every_rule_names_its_basis_and_one_database_at_most() {
        for rule in RULES {
            assert!(!rule.basis.is_empty());
            let is_refund = rule.regime == Regime::RefundTrade;
            assert_eq!(
                rule.database == Database::Refund,
                is_refund,
                "{:?}",
                rule.regime
            );
        }
    }
}
