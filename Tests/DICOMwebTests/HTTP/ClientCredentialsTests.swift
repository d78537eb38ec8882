import DICOMNode
import System
import Testing

@testable import DICOMweb

struct ClientCredentialsTests {
    private static func token(_ json: String) throws(OAuthAnswer.Problem) -> ClientCredentials.Token {
        try OAuthAnswer.token(Array(json.utf8))
    }

    @Test func `id and secret are encoded before they are joined`() throws {
        let client = ClientCredentials.Client(
            url: try WebAddress(parsing: "https://t/token"), id: "a:b c", secret: Array("p%ß".utf8), scope: "x y/z")
        // printf 'a%3Ab+c:p%25%C3%9F' | base64
        #expect(client.basic == "Basic YSUzQWIrYzpwJTI1JUMzJTlG")
        #expect(client.form == "grant_type=client_credentials&scope=x+y%2Fz")
    }

    @Test(arguments: [
        ("3600", 3539.0, 3540.0), ("\"3600\"", 3539, 3540), ("60", 29, 30), ("4", 1, 2), ("0", -1, 0), ("-5", -1, 0),
    ])
    func `a token is renewed a minute before its end, or after half of a short life`(
        _ lifetime: String, _ least: Double, _ most: Double
    ) throws {
        let token = try Self.token("{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":\(lifetime)}")
        #expect(token.value == "Bearer t")
        let left = try #require(token.renewal.secondsLeft)
        #expect(left > least - 30 && left <= most)
    }

    @Test func `a token without an end is kept`() throws {
        #expect(try Self.token("{\"access_token\":\"t\"}").renewal == .never)
        #expect(try Self.token("{\"access_token\":\"t\",\"expires_in\":null}").renewal == .never)
    }

    @Test func `what is no token is told`() {
        #expect(throws: OAuthAnswer.Problem.notJSON) { try Self.token("<html>") }
        #expect(throws: OAuthAnswer.Problem.notJSON) { try Self.token("[]") }
        for json in ["{}", "{\"access_token\":\"\"}", "{\"access_token\":1}", "{\"access_token\":\"a\\r\\nb\"}"] {
            #expect(throws: OAuthAnswer.Problem.noToken) { try Self.token(json) }
        }
        #expect(throws: OAuthAnswer.Problem.otherType("mac")) {
            try Self.token("{\"access_token\":\"t\",\"token_type\":\"mac\"}")
        }
    }

    @Test func `the error of a token endpoint is its code and its words`() {
        #expect(
            OAuthAnswer.error(Array("{\"error\":\"invalid_client\",\"error_description\":\"who?\"}".utf8))
                == "invalid_client: who?")
        #expect(OAuthAnswer.error(Array("{\"error\":\"invalid_scope\"}".utf8)) == "invalid_scope")
        #expect(OAuthAnswer.error(Array("no".utf8)) == nil)
    }
}
