//! Table-driven codecs of the documents that institutions exchange.
