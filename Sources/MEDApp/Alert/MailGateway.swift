import MEDCore
import MEDLoop

/// Email: by way of a gateway that takes forms, or with the local mail program if the gateway is `sendmail://`.
struct MailGateway: AlertGateway {
  static let scheme = "sendmail://"

  let form: FormGateway

  var isConfigured: Bool { form.isConfigured }

  func send(_ parcel: AlertParcel) async -> AlertOutcome {
    let settings = form.settings()
    guard settings.gateway.hasPrefix(Self.scheme) else { return await form.send(parcel) }
    guard MailAddress.isUsable(parcel.recipient) else {
      return .refused("the recipient is no mail address")
    }
    guard let program = MailProgram(settings.gateway) else { return .failed("there is no sendmail program") }
    let template = await form.templates.template(.mail, in: settings.templateRootPath)
    let mail = Mail(parcel, from: settings.from, template)
    let isCancelled = Locked(false)
    return await withTaskCancellationHandler {
      await OffPool.run { program.send(mail.bytes) { isCancelled.withLock { $0 } } }?
        .hiding(GatewaySecrets(settings, parcel)) ?? .failed("no thread could be started")
    } onCancel: {
      isCancelled.withLock { $0 = true }
    }
  }
}

enum MailAddress {
  /// Whether a header can hold it as one address and nothing else: printable ASCII, without what separates, quotes or groups
  /// addresses, and not to be taken for an option, a program or a file.
  static func isUsable(_ text: String) -> Bool {
    (1...254).contains(text.utf8.count) && !["-", "|", "/"].contains(text.prefix(1))
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"()<>[]:;,\\\"".utf8.contains($0) }
  }
}
