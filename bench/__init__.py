"""Load runs: scenarios, open-loop load, histograms, reports."""
