import Control
import Testing

/// A record as the daemon sends it: what a CLI of this version must read.
private let line = """
    {"records":{"_0":[{"accountBalances":[{"account":"8001","balance":"9.790000"}],"attempts":[\
    {"kind":"trunk","outcome":"failed","q850":34,"reason":"congestion","ringMs":0,"route":"ip-e1",\
    "sipStatus":503,"startedAt":1795331045123456},{"kind":"line","outcome":"answered","reason":"",\
    "ringMs":1500,"route":"66778001","sipStatus":200,"startedAt":1795331046123456}],\
    "answeredAt":1795331048000000,"billedMs":12999,"callID":12884902930,"caller":"8001",\
    "callerAccount":"8001","charge":"0.210000","dialled":"0,20","dialplanVersion":"0123456789abcdef",\
    "direction":"outbound","disposition":"ANSWERED","durationMs":15876,"endReason":"hung up",\
    "endedAt":1795331061000000,"explanation":["dialled 02088886666"],"normalised":"02088886666",\
    "numberClass":"national","presented":"+8631166778001","q850Cause":16,"receipt":[],\
    "releasedBy":"caller","ringingAt":1795331046500000,"route":"66778001","sequence":7,\
    "sipStatus":200,"startedAt":1795331045123456,"steps":3,"tariffName":"national",\
    "tariffPrefix":"02"}]}}
    """

@Suite struct RecordListingTests {
    private func listing() throws -> Listing {
        guard case .records(let records) = try Wire.response(Array(line.utf8)) else {
            throw WireError.unreadable("another response")
        }
        return Listing(records: records, currency: "CNY")
    }

    @Test func jsonHasAsterisksNamesAndExactValues() throws {
        let json = try listing().jsonLines
        for field in [
            "\"sequence\":7", "\"uniqueid\":\"3-1042\"", "\"src\":\"8001\"", "\"dst\":\"0,20\"",
            "\"start\":\"2026-11-22T07:04:05.123456Z\"",
            "\"answer\":\"2026-11-22T07:04:08.000000Z\"",
            "\"end\":\"2026-11-22T07:04:21.000000Z\"", "\"duration\":15", "\"billsec\":12",
            "\"billsec_ms\":12999", "\"disposition\":\"ANSWERED\"", "\"charge\":\"0.210000\"",
            "\"currency\":\"CNY\"", "\"q850_cause\":16", "\"released_by\":\"caller\"",
            "\"balances\":[{\"account\":\"8001\",\"balance\":\"9.790000\"}]",
            "\"route\":\"ip-e1\",\"kind\":\"trunk\"", "\"explanation\":[\"dialled 02088886666\"]",
        ] {
            #expect(json.contains(field), "\(field)")
        }
        #expect(json.filter { $0 == "\n" }.count == 1)
    }

    /// Too wide for a table, and what is asked first of one call.
    @Test func oneRecordSaysWhyItEndedAndATableDoesNot() throws {
        let clock = SiteClock(identifier: "UTC")
        #expect(try listing().card(clock).contains("reason       hung up\n"))
        #expect(try !listing().card(clock).contains("linked call"))
        #expect(try !listing().table(clock).contains("hung up"))
    }

    @Test func csvHasARowOfAsManyFieldsAsTheHeader() throws {
        let csv = try listing().csv()
        let lines = csv.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("sequence,uniqueid,start,direction,src,dst,"))
        #expect(!lines[0].contains("explanation"))
        #expect(lines[1].contains("\"0,20\""))
        let columns = lines[0].split(separator: ",").count
        // One comma stands inside quotes.
        #expect(
            lines[1].split(separator: ",", omittingEmptySubsequences: false).count == columns + 1)
    }
}
