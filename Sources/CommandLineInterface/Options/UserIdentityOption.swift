/// Who we say that we are, PS3.7 D.3.3.7; the secret parts are read when the run begins.
package enum UserIdentityOption: Sendable, Equatable {
    case userName(String)
    case userNameAndPasscode(String, SecretReference)
    case kerberosTicket(SecretReference)
    case samlAssertion(SecretReference)
    case jsonWebToken(SecretReference)
}
