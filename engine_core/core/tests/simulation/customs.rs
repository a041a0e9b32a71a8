//! Documents of a run: orders of one or two merchants, carried, listed and answered step by step, and what goes wrong.

use whampoa_core::contract::whampoa::customs::v1 as proto;
use whampoa_core::contract::whampoa::customs::v1::DocumentType;
use whampoa_core::contract::whampoa::customs::v1::document::Body;
use whampoa_core::decide::Method;
use whampoa_core::state::trade::{Trade, TradeState};

use crate::taxes::GOODS;
use crate::world::World;

const CARRIER: &str = "4401980001";
const WEBSITE: &str = "spiffe://whampoa/singlewindow";

/// A line: merchant's number, currency and value in minor units.
#[derive(Clone)]
pub struct Item {
    merchant: usize,
    currency: &'static str,
    minor: i64,
}

/// An order on its way through customs.
#[derive(Clone)]
pub struct Order {
    number: u32,
    items: Vec<Item>,
    /// Consignor of the declaration: the declarant's number, or the first merchant itself.
    by_declarant: Option<usize>,
    step: u32,
}

impl World {
    /// Some orders go on, a new one comes, one is told wrong.
    pub fn documents(&mut self) {
        let mut documents = Vec::new();
        for _ in 0..1 + self.random.below(6) {
            let at = if self.orders.is_empty() || self.random.one_in(3) {
                let order = self.new_order();
                self.orders.push(order);
                self.orders.len() - 1
            } else {
                // The newest orders move most.
                let back = self.random.below(12).min(self.orders.len() - 1);
                self.orders.len() - 1 - back
            };
            let mut order = self.orders[at].clone();
            documents.extend(self.next_documents(&mut order));
            self.orders[at] = order;
        }
        if self.random.one_in(12) {
            documents.push(self.document(DocumentType::Order, None));
        }
        let request = proto::SubmitDocumentsRequest {
            documents,
            ..Default::default()
        };
        let _ = self.call(Method::SubmitDocuments, WEBSITE, &request);
    }

    fn new_order(&mut self) -> Order {
        let merchant = self.random.below(self.merchants.len());
        let mut items = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let merchant = if self.random.one_in(5) {
                self.random.below(self.merchants.len())
            } else {
                merchant
            };
            let currency = match self.random.below(8) {
                0 | 1 => "142",
                2 => "300",
                _ => "502",
            };
            items.push(Item {
                merchant,
                currency,
                minor: self.random.between(1, 40_000),
            });
        }
        let by_declarant = self.random.one_in(4).then(|| self.random.below(5) / 4);
        Order {
            number: self.orders.len() as u32,
            items,
            by_declarant,
            step: 0,
        }
    }

    /// What comes next of an order; now and then something else.
    fn next_documents(&mut self, order: &mut Order) -> Vec<proto::Document> {
        let step = order.step;
        order.step += 1;
        if self.random.one_in(25) {
            return self.odd_documents(order);
        }
        match step {
            0 => vec![self.order_of(order), self.waybill_of(order)],
            1 => vec![self.list_of(order), self.reply_to_order(order, 120)],
            2 => vec![self.reply_to_waybill(order, 120)],
            3 => {
                let status = if self.random.one_in(8) { 100 } else { 120 };
                vec![self.reply_to_list(order, status)]
            }
            4 => vec![self.reply_to_list(order, 800)],
            5 if self.random.one_in(10) => vec![self.list_of(order)],
            6 if self.random.one_in(15) => self.withdrawal_of(order),
            _ => {
                order.step = step;
                Vec::new()
            }
        }
    }

    /// Another value, another agent, a refusal, a withdrawal of what may be paid already.
    fn odd_documents(&mut self, order: &mut Order) -> Vec<proto::Document> {
        match self.random.below(5) {
            0 => {
                order.items[0].minor += 1;
                vec![self.order_of(order), self.list_of(order)]
            }
            1 => {
                order.by_declarant = Some(self.random.below(2));
                let (two, three) = (self.reply_to_order(order, 120), self.list_of(order));
                vec![
                    self.order_of(order),
                    two,
                    three,
                    self.reply_to_list(order, 800),
                ]
            }
            2 => self.withdrawal_of(order),
            3 => vec![self.reply_to_list(order, -1)],
            _ => vec![self.reply_to_order(order, 100), self.order_of(order)],
        }
    }

    fn document(&mut self, doc_type: DocumentType, body: Option<Body>) -> proto::Document {
        let stamp = 20_261_125_000_000 + self.machine.answered.len() as u64;
        proto::Document {
            document_id: self.machine.id().0.to_vec(),
            r#type: doc_type as i32,
            app_type: 1,
            app_time: stamp.to_string(),
            app_status: 2,
            received: b"<as received/>".to_vec(),
            body,
            ..Default::default()
        }
    }

    fn consignor(&self, order: &Order) -> String {
        match order.by_declarant {
            Some(at) => self.declarants[at].code.clone(),
            None => self.merchants[order.items[0].merchant].code.clone(),
        }
    }

    fn order_of(&mut self, order: &Order) -> proto::Document {
        let line = |(at, item): (usize, &Item)| proto::OrderLine {
            gnum: at as u32 + 1,
            item_no: format!("M{}-{at}", item.merchant),
            unit: "011".to_owned(),
            currency: item.currency.to_owned(),
            qty: "1".to_owned(),
            total_price: decimal(item.minor),
            ..Default::default()
        };
        let body = proto::Order {
            order_no: format!("E{}", order.number),
            ebp_code: self.platform.code.clone(),
            ebp_name: "platform".to_owned(),
            ebc_code: self.consignor(order),
            lines: order.items.iter().enumerate().map(line).collect(),
            ..Default::default()
        };
        self.document(DocumentType::Order, Some(Body::Order(body)))
    }

    fn waybill_of(&mut self, order: &Order) -> proto::Document {
        let body = proto::Waybill {
            logistics_code: CARRIER.to_owned(),
            logistics_no: format!("W{}", order.number),
            ebc_code: self.consignor(order),
            ..Default::default()
        };
        self.document(DocumentType::Waybill, Some(Body::Waybill(body)))
    }

    fn list_of(&mut self, order: &Order) -> proto::Document {
        // Goods that were left out, or listed below their price.
        let is_short = self.random.one_in(20);
        let line = |(at, item): (usize, &Item)| proto::ListLine {
            gnum: at as u32 + 1,
            item_no: format!("M{}-{at}", item.merchant),
            gcode: GOODS[(order.number as usize + at) % 3].to_owned(),
            currency: item.currency.to_owned(),
            qty: "1".to_owned(),
            unit: "011".to_owned(),
            total_price: decimal(item.minor),
            ..Default::default()
        };
        let kept = if is_short { 1 } else { order.items.len() };
        let body = proto::List {
            customs_code: "5100".to_owned(),
            ebp_code: self.platform.code.clone(),
            ebp_name: "platform".to_owned(),
            order_no: format!("E{}", order.number),
            logistics_code: CARRIER.to_owned(),
            logistics_no: format!("W{}", order.number),
            cop_no: format!("L{}-{:?}", order.number, order.by_declarant),
            ie_date: "20261125".to_owned(),
            statistics_flag: if order.number.is_multiple_of(4) {
                "A"
            } else {
                "B"
            }
            .to_owned(),
            agent_code: self.agent(order),
            ebc_code: self.consignor(order),
            trade_mode: "9610".to_owned(),
            lines: order
                .items
                .iter()
                .take(kept)
                .enumerate()
                .map(line)
                .collect(),
            ..Default::default()
        };
        self.document(DocumentType::List, Some(Body::List(body)))
    }

    fn agent(&self, order: &Order) -> String {
        self.declarants[order.by_declarant.unwrap_or(0)]
            .code
            .clone()
    }

    fn reply(
        &mut self,
        doc_type: DocumentType,
        order: &Order,
        status: i32,
        by_order: bool,
    ) -> proto::Document {
        let stamp = 20_261_125_000_000 + self.machine.answered.len() as u64;
        let mut reply = proto::Reply {
            return_status: status,
            return_time: stamp.to_string(),
            ..Default::default()
        };
        if by_order {
            reply.ebp_code = self.platform.code.clone();
            reply.order_no = format!("E{}", order.number);
            reply.ebc_code = self.consignor(order);
            reply.agent_code = self.agent(order);
            reply.cop_no = format!("L{}-{:?}", order.number, order.by_declarant);
        } else {
            reply.logistics_code = CARRIER.to_owned();
            reply.logistics_no = format!("W{}", order.number);
        }
        self.document(doc_type, Some(Body::Reply(reply)))
    }

    fn reply_to_order(&mut self, order: &Order, status: i32) -> proto::Document {
        self.reply(DocumentType::OrderReply, order, status, true)
    }

    fn reply_to_waybill(&mut self, order: &Order, status: i32) -> proto::Document {
        self.reply(DocumentType::WaybillReply, order, status, false)
    }

    fn reply_to_list(&mut self, order: &Order, status: i32) -> proto::Document {
        self.reply(DocumentType::ListReply, order, status, true)
    }

    /// Goods of a released list leave the country.
    pub fn depart(&mut self) {
        let released: Vec<Order> = self
            .orders
            .iter()
            .filter(|it| it.step >= 5)
            .cloned()
            .collect();
        let count = released.len();
        let some = &released[count.saturating_sub(40)..];
        let Some(order) = self.random.pick(some).cloned() else {
            return;
        };
        let documents = vec![self.reply_to_list(&order, 899)];
        let request = proto::SubmitDocumentsRequest {
            documents,
            ..Default::default()
        };
        let _ = self.call(Method::SubmitDocuments, WEBSITE, &request);
    }

    fn withdrawal_of(&mut self, order: &Order) -> Vec<proto::Document> {
        let body = proto::Withdrawal {
            cop_no: format!("L{}-{:?}", order.number, order.by_declarant),
            agent_code: self.agent(order),
            ebc_code: self.consignor(order),
            reason: "not sent".to_owned(),
            ..Default::default()
        };
        let withdrawal = self.document(DocumentType::Withdrawal, Some(Body::Withdrawal(body)));
        vec![
            withdrawal,
            self.reply(DocumentType::WithdrawalReply, order, 399, true),
        ]
    }

    fn some_trade(&mut self, wanted: impl Fn(&Trade) -> bool) -> Option<Trade> {
        let any = self.random.one_in(6);
        let fitting: Vec<&Trade> = self
            .machine
            .state
            .trades
            .iter()
            .filter(|trade| any || wanted(trade))
            .collect();
        self.random.pick(&fitting).map(|trade| (*trade).clone())
    }

    pub fn clawed_back(&mut self) -> Option<Trade> {
        self.some_trade(|trade| trade.clawback_minor > 0)
    }

    /// Goods come back; most often those that were paid for.
    pub fn report_return(&mut self) {
        let Some(trade) = self.some_trade(|trade| trade.used_minor > 0) else {
            return;
        };
        let request = proto::ReportReturnRequest {
            trade_id: trade.trade_id.0.to_vec(),
            amount_minor: match self.random.below(4) {
                0 => trade.verified_minor,
                1 => self.random.between(-2, 2),
                _ => self.random.between(1, trade.verified_minor.max(1)),
            },
            reference: "return note".to_owned(),
            ..Default::default()
        };
        let _ = self.call(Method::ReportReturn, "spiffe://whampoa/operator", &request);
    }

    pub fn dispute_or_close(&mut self) {
        if self.random.one_in(2) {
            let Some(trade) = self.some_trade(|trade| trade.decided == TradeState::Released) else {
                return;
            };
            let request = proto::CloseTradeRequest {
                trade_id: trade.trade_id.0.to_vec(),
                reason: self.random.below(5) as i32,
                ..Default::default()
            };
            let _ = self.call(Method::CloseTrade, "spiffe://whampoa/operator", &request);
            return;
        }
        let Some(trade) = self.some_trade(|trade| trade.decided == TradeState::Disputed) else {
            return;
        };
        let same = self
            .machine
            .state
            .registry
            .get(trade.merchant)
            .map(|party| party.party_id);
        let other = self.random.pick(&self.merchants).expect("merchants").id;
        let merchant = same.filter(|_| !self.random.one_in(3)).unwrap_or(other);
        let request = proto::SettleDisputeRequest {
            trade_id: trade.trade_id.0.to_vec(),
            merchant_party_id: merchant.0.to_vec(),
            reason: "papers seen".to_owned(),
            ..Default::default()
        };
        let _ = self.call(
            Method::SettleDispute,
            "spiffe://whampoa/officer-1",
            &request,
        );
    }
}

fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
