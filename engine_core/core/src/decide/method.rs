//! The write methods of the contract and their numbers, as entries name them.

macro_rules! methods {
    ($($name:ident = $number:literal $full:literal $request:literal),* $(,)?) => {
        /// One write method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Method { $($name = $number),* }

        impl Method {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
            /// "whampoa.<area>.v1.<Service>/<Method>".
            pub fn full_name(self) -> &'static str {
                match self { $(Self::$name => $full),* }
            }
            /// Full name of the request message.
            pub fn request_name(self) -> &'static str {
                match self { $(Self::$name => $request),* }
            }
        }
    };
}

methods! {
    RegisterParties = 1 "whampoa.registry.v1.RegistryService/RegisterParties" "whampoa.registry.v1.RegisterPartiesRequest",
    RegisterRelations = 2 "whampoa.registry.v1.RegistryService/RegisterRelations" "whampoa.registry.v1.RegisterRelationsRequest",
    EndRelation = 3 "whampoa.registry.v1.RegistryService/EndRelation" "whampoa.registry.v1.EndRelationRequest",
    RegisterGrants = 4 "whampoa.registry.v1.RegistryService/RegisterGrants" "whampoa.registry.v1.RegisterGrantsRequest",
    RevokeGrant = 5 "whampoa.registry.v1.RegistryService/RevokeGrant" "whampoa.registry.v1.RevokeGrantRequest",
    SetPayee = 6 "whampoa.registry.v1.RegistryService/SetPayee" "whampoa.registry.v1.SetPayeeRequest",
    SubmitDocuments = 10 "whampoa.customs.v1.CustomsService/SubmitDocuments" "whampoa.customs.v1.SubmitDocumentsRequest",
    SettleDispute = 11 "whampoa.customs.v1.CustomsService/SettleDispute" "whampoa.customs.v1.SettleDisputeRequest",
    ReportReturn = 12 "whampoa.customs.v1.CustomsService/ReportReturn" "whampoa.customs.v1.ReportReturnRequest",
    CloseTrade = 13 "whampoa.customs.v1.CustomsService/CloseTrade" "whampoa.customs.v1.CloseTradeRequest",
    OpenAccounts = 20 "whampoa.ledger.v1.LedgerService/OpenAccounts" "whampoa.ledger.v1.OpenAccountsRequest",
    SubmitTransfers = 21 "whampoa.ledger.v1.LedgerService/SubmitTransfers" "whampoa.ledger.v1.SubmitTransfersRequest",
    CloseAccount = 22 "whampoa.ledger.v1.LedgerService/CloseAccount" "whampoa.ledger.v1.CloseAccountRequest",
    RecordRemittance = 30 "whampoa.forex.v1.ForexService/RecordRemittance" "whampoa.forex.v1.RecordRemittanceRequest",
    RecordCharge = 31 "whampoa.forex.v1.ForexService/RecordCharge" "whampoa.forex.v1.RecordChargeRequest",
    RecallRemittance = 32 "whampoa.forex.v1.ForexService/RecallRemittance" "whampoa.forex.v1.RecallRemittanceRequest",
    ReturnSuspense = 33 "whampoa.forex.v1.ForexService/ReturnSuspense" "whampoa.forex.v1.ReturnSuspenseRequest",
    PublishRate = 34 "whampoa.forex.v1.ForexService/PublishRate" "whampoa.forex.v1.PublishRateRequest",
    RequestConversion = 35 "whampoa.forex.v1.ForexService/RequestConversion" "whampoa.forex.v1.RequestConversionRequest",
    ConfirmConversion = 36 "whampoa.forex.v1.ForexService/ConfirmConversion" "whampoa.forex.v1.ConfirmConversionRequest",
    FailConversion = 37 "whampoa.forex.v1.ForexService/FailConversion" "whampoa.forex.v1.FailConversionRequest",
    DeclareRemittance = 38 "whampoa.forex.v1.ForexService/DeclareRemittance" "whampoa.forex.v1.DeclareRemittanceRequest",
    RecordBopFeedback = 39 "whampoa.forex.v1.ForexService/RecordBopFeedback" "whampoa.forex.v1.RecordBopFeedbackRequest",
    Allocate = 50 "whampoa.clearing.v1.ClearingService/Allocate" "whampoa.clearing.v1.AllocateRequest",
    ConfirmDebit = 51 "whampoa.clearing.v1.ClearingService/ConfirmDebit" "whampoa.clearing.v1.ConfirmDebitRequest",
    RecordSettlement = 52 "whampoa.clearing.v1.ClearingService/RecordSettlement" "whampoa.clearing.v1.RecordSettlementRequest",
    InstructPayouts = 53 "whampoa.clearing.v1.ClearingService/InstructPayouts" "whampoa.clearing.v1.InstructPayoutsRequest",
    SettleClawback = 54 "whampoa.clearing.v1.ClearingService/SettleClawback" "whampoa.clearing.v1.SettleClawbackRequest",
    LoadRefundRates = 60 "whampoa.tax.v1.TaxService/LoadRefundRates" "whampoa.tax.v1.LoadRefundRatesRequest",
    SubmitInvoices = 61 "whampoa.tax.v1.TaxService/SubmitInvoices" "whampoa.tax.v1.SubmitInvoicesRequest",
    RegisterZoneGoods = 62 "whampoa.tax.v1.TaxService/RegisterZoneGoods" "whampoa.tax.v1.RegisterZoneGoodsRequest",
    LabelItems = 63 "whampoa.tax.v1.TaxService/LabelItems" "whampoa.tax.v1.LabelItemsRequest",
    ClearReview = 70 "whampoa.risk.v1.RiskService/ClearReview" "whampoa.risk.v1.ClearReviewRequest",
    RejectReview = 71 "whampoa.risk.v1.RiskService/RejectReview" "whampoa.risk.v1.RejectReviewRequest",
    SetReviewRules = 72 "whampoa.risk.v1.RiskService/SetReviewRules" "whampoa.risk.v1.SetReviewRulesRequest",
}
