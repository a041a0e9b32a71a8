//! The typed bodies, field by field.

use crate::parse::Row;
use crate::proto::{
    Aggregation, AggregationResult, AggregationResultLine, CollectionNote, Departure, List,
    ListLine, Order, OrderLine, Waybill, Withdrawal,
};

use super::{number, text};

pub fn order(head: &Row<'_>, rows: &[Row<'_>]) -> Order {
    Order {
        order_type: text(head, "orderType"),
        order_no: text(head, "orderNo"),
        ebp_code: text(head, "ebpCode"),
        ebp_name: text(head, "ebpName"),
        ebc_code: text(head, "ebcCode"),
        ebc_name: text(head, "ebcName"),
        goods_value: text(head, "goodsValue"),
        freight: text(head, "freight"),
        currency: text(head, "currency"),
        lines: rows.iter().map(order_line).collect(),
    }
}

fn order_line(row: &Row<'_>) -> OrderLine {
    OrderLine {
        gnum: number(row, "gnum"),
        item_no: text(row, "itemNo"),
        item_name: text(row, "itemName"),
        bar_code: text(row, "barCode"),
        unit: text(row, "unit"),
        currency: text(row, "currency"),
        qty: text(row, "qty"),
        price: text(row, "price"),
        total_price: text(row, "totalPrice"),
    }
}

pub fn collection_note(head: &Row<'_>) -> CollectionNote {
    CollectionNote {
        ebp_code: text(head, "ebpCode"),
        ebp_name: text(head, "ebpName"),
        ebc_code: text(head, "ebcCode"),
        order_no: text(head, "orderNo"),
        pay_code: text(head, "payCode"),
        pay_no: text(head, "payNo"),
        charge: text(head, "charge"),
        currency: text(head, "currency"),
        accounting_date: text(head, "accountingDate"),
    }
}

pub fn waybill(head: &Row<'_>) -> Waybill {
    Waybill {
        logistics_code: text(head, "logisticsCode"),
        logistics_name: text(head, "logisticsName"),
        logistics_no: text(head, "logisticsNo"),
        freight: text(head, "freight"),
        insured_fee: text(head, "insuredFee"),
        currency: text(head, "currency"),
        gross_weight: text(head, "grossWeight"),
        pack_no: number(head, "packNo"),
        ebc_code: text(head, "ebcCode"),
        ebc_name: text(head, "ebcName"),
        ebc_telephone: text(head, "ebcTelephone"),
    }
}

pub fn departure(head: &Row<'_>, rows: &[Row<'_>]) -> Departure {
    Departure {
        customs_code: text(head, "customsCode"),
        cop_no: text(head, "copNo"),
        pre_no: text(head, "preNo"),
        logistics_code: text(head, "logisticsCode"),
        logistics_name: text(head, "logisticsName"),
        traf_mode: text(head, "trafMode"),
        bill_no: text(head, "billNo"),
        leave_time: text(head, "leaveTime"),
        msg_count: number(head, "msgCount"),
        msg_seq_no: number(head, "msgSeqNo"),
        logistics_nos: rows.iter().map(|row| text(row, "logisticsNo")).collect(),
    }
}

pub fn list(head: &Row<'_>, rows: &[Row<'_>]) -> List {
    List {
        customs_code: text(head, "customsCode"),
        ebp_code: text(head, "ebpCode"),
        ebp_name: text(head, "ebpName"),
        order_no: text(head, "orderNo"),
        logistics_code: text(head, "logisticsCode"),
        logistics_name: text(head, "logisticsName"),
        logistics_no: text(head, "logisticsNo"),
        cop_no: text(head, "copNo"),
        pre_no: text(head, "preNo"),
        invt_no: text(head, "invtNo"),
        port_code: text(head, "portCode"),
        ie_date: text(head, "ieDate"),
        statistics_flag: text(head, "statisticsFlag"),
        agent_code: text(head, "agentCode"),
        agent_name: text(head, "agentName"),
        ebc_code: text(head, "ebcCode"),
        ebc_name: text(head, "ebcName"),
        owner_code: text(head, "ownerCode"),
        owner_name: text(head, "ownerName"),
        trade_mode: text(head, "tradeMode"),
        traf_mode: text(head, "trafMode"),
        bill_no: text(head, "billNo"),
        country: text(head, "country"),
        gross_weight: text(head, "grossWeight"),
        net_weight: text(head, "netWeight"),
        pack_no: number(head, "packNo"),
        lines: rows.iter().map(list_line).collect(),
    }
}

fn list_line(row: &Row<'_>) -> ListLine {
    ListLine {
        gnum: number(row, "gnum"),
        item_no: text(row, "itemNo"),
        item_name: text(row, "itemName"),
        gcode: text(row, "gcode"),
        gname: text(row, "gname"),
        gmodel: text(row, "gmodel"),
        bar_code: text(row, "barCode"),
        country: text(row, "country"),
        currency: text(row, "currency"),
        qty: text(row, "qty"),
        qty1: text(row, "qty1"),
        qty2: text(row, "qty2"),
        unit: text(row, "unit"),
        unit1: text(row, "unit1"),
        unit2: text(row, "unit2"),
        price: text(row, "price"),
        total_price: text(row, "totalPrice"),
    }
}

pub fn withdrawal(head: &Row<'_>) -> Withdrawal {
    Withdrawal {
        customs_code: text(head, "customsCode"),
        cop_no: text(head, "copNo"),
        pre_no: text(head, "preNo"),
        invt_no: text(head, "invtNo"),
        reason: text(head, "reason"),
        agent_code: text(head, "agentCode"),
        ebc_code: text(head, "ebcCode"),
    }
}

pub fn aggregation(head: &Row<'_>, rows: &[Row<'_>]) -> Aggregation {
    Aggregation {
        customs_code: text(head, "customsCode"),
        cop_no: text(head, "copNo"),
        sum_no: text(head, "sumNo"),
        agent_code: text(head, "agentCode"),
        ebc_code: text(head, "ebcCode"),
        ebc_name: text(head, "ebcName"),
        decl_agent_code: text(head, "declAgentCode"),
        start_time: text(head, "startTime"),
        end_time: text(head, "endTime"),
        summary_flag: text(head, "summaryFlag"),
        item_name_flag: text(head, "itemNameFlag"),
        msg_count: number(head, "msgCount"),
        msg_seq_no: number(head, "msgSeqNo"),
        invt_nos: rows.iter().map(|row| text(row, "invtNo")).collect(),
    }
}

pub fn aggregation_result(head: &Row<'_>, rows: &[Row<'_>]) -> AggregationResult {
    AggregationResult {
        customs_code: text(head, "customsCode"),
        sum_no: text(head, "sumNo"),
        op_date: text(head, "opDate"),
        decl_seq_no: text(head, "declSeqNo"),
        entry_id: text(head, "entryId"),
        agent_code: text(head, "agentCode"),
        ebc_code: text(head, "ebcCode"),
        decl_agent_code: text(head, "declAgentCode"),
        msg_count: number(head, "msgCount"),
        msg_seq_no: number(head, "msgSeqNo"),
        lines: rows.iter().map(aggregation_result_line).collect(),
    }
}

fn aggregation_result_line(row: &Row<'_>) -> AggregationResultLine {
    AggregationResultLine {
        invt_no: text(row, "invtNo"),
        logistics_no: text(row, "logisticsNo"),
        gseqno: number(row, "gseqno"),
        gnum: number(row, "gnum"),
        gcode: text(row, "gcode"),
    }
}
