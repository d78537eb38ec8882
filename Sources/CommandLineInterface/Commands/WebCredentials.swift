import DICOM
import DICOMProtocol

extension UserIdentityRequest {
    /// The value of the header field Authorization that says the same over HTTP: Basic (RFC 7617) or Bearer (RFC 6750). Nil for an
    /// identity that HTTP does not have.
    var authorization: String? {
        switch type {
        case .username, .usernameAndPasscode:
            let pair = primaryField + [UInt8(ascii: ":")] + secondaryField
            return "Basic \(Base64.text(pair))"
        case .jsonWebToken: return "Bearer \(String(decoding: primaryField, as: UTF8.self))"
        default: return nil
        }
    }
}
