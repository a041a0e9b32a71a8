//! Tax inputs of a run: the rate library changes, invoices and registrations come, goods depart, labels are made again.

use whampoa_core::contract::whampoa::forex::v1 as forex;
use whampoa_core::contract::whampoa::tax::v1 as tax;
use whampoa_core::decide::Method;
use whampoa_core::event::Event;

use crate::money::OPERATOR;
use crate::world::World;

/// Commodity codes of all lines.
pub const GOODS: [&str; 3] = ["6109100010", "7108130000", "8517130000"];

impl World {
    pub fn taxes(&mut self) {
        match self.random.below(12) {
            0 => self.load_rates(),
            1..=4 => self.invoices(),
            5 => self.zone(),
            6..=9 => self.depart(),
            _ => self.label(),
        }
    }

    /// The library at the start of a run; later versions change single codes.
    pub fn load_rates(&mut self) {
        let rate = |code: &str, refund_rate_bp: u32, flag: u32| tax::RefundRate {
            code: code.to_owned(),
            refund_rate_bp,
            levy_rate_bp: 1_300,
            flag,
            valid_from: 20_260_101,
            valid_until: 0,
        };
        let rates = match self.reached.contains("RefundRatesLoaded") {
            false => vec![
                rate("6109", 1_300, 0),
                rate("7108", 0, 2),
                rate("8517", 900, 0),
            ],
            true => {
                let flag = self.random.below(3) as u32;
                vec![rate(["7108", "8517"][self.random.below(2)], 600, flag)]
            }
        };
        let request = tax::LoadRefundRatesRequest {
            library_version: "2026B".to_owned(),
            rates,
            ..Default::default()
        };
        let _ = self.call(Method::LoadRefundRates, OPERATOR, &request);
    }

    fn invoices(&mut self) {
        let mut invoices = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let buyer = self.random.pick(&self.merchants).expect("merchants").id;
            let is_special = !self.random.one_in(4);
            invoices.push(tax::Invoice {
                invoice_id: self.machine.id().0.to_vec(),
                number: format!("{:020}", self.random.next() % 1_000_000_000_000),
                kind: if is_special { 1 } else { 2 },
                buyer_party_id: buyer.0.to_vec(),
                date: 20_261_101,
                amount_minor: self.random.between(0, 90_000),
                tax_rate_bp: [100, 300, 1_300][self.random.below(3)],
                gcode: GOODS[self.random.below(3)].to_owned(),
                qty_e5: self.random.between(1, 8) as u64 * 50_000,
                unit: "011".to_owned(),
            });
        }
        let request = tax::SubmitInvoicesRequest {
            invoices,
            ..Default::default()
        };
        self.tax_call(Method::SubmitInvoices, &request);
    }

    fn zone(&mut self) {
        let merchant = self.random.pick(&self.merchants).expect("merchants").id;
        let request = tax::RegisterZoneGoodsRequest {
            registrations: vec![tax::ZoneRegistration {
                registration_id: self.machine.id().0.to_vec(),
                merchant_party_id: merchant.0.to_vec(),
                customs_district: ["51", "53"][self.random.below(2)].to_owned(),
                platform_reg_no: "Z1".to_owned(),
                gcode: GOODS[self.random.below(3)].to_owned(),
                valid_from: 20_260_101,
                valid_until: 0,
            }],
            ..Default::default()
        };
        self.tax_call(Method::RegisterZoneGoods, &request);
    }

    fn label(&mut self) {
        let merchant = self.random.pick(&self.merchants).expect("merchants").id;
        let request = tax::LabelItemsRequest {
            merchant_party_id: merchant.0.to_vec(),
            ..Default::default()
        };
        self.tax_call(Method::LabelItems, &request);
    }

    fn tax_call(&mut self, method: Method, request: &impl prost::Message) {
        let Ok(entries) = self.call(method, OPERATOR, request) else {
            return;
        };
        for (_, event) in entries {
            let items = match &event {
                Event::InvoicesRecorded(event) => &event.items,
                Event::ZoneGoodsRegistered(event) => &event.items,
                Event::ItemsLabelled(event) => &event.items,
                _ => continue,
            };
            let regimes = items
                .iter()
                .map(|row| format!("item {}", row.regime.name()));
            self.reached.extend(regimes);
        }
    }

    /// SAFE answers for some records, in any order and more than once.
    pub fn feedback(&mut self) {
        let records = self.machine.state.bop.records();
        let known: Vec<String> = records
            .map(|(rptno, _)| rptno.as_str().to_owned())
            .collect();
        let mut feedback = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let rptno = match self.random.one_in(30) {
                true => "440100000101261125N999".to_owned(),
                false => self.random.pick(&known).cloned().unwrap_or_default(),
            };
            feedback.push(forex::BopFeedback {
                rptno,
                accepted: !self.random.one_in(3),
                description: "told".to_owned(),
            });
        }
        let request = forex::RecordBopFeedbackRequest {
            feedback,
            ..Default::default()
        };
        let _ = self.call(Method::RecordBopFeedback, "spiffe://whampoa/safe", &request);
    }
}
