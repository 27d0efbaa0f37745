package onetimesend

var english = Catalogue{
	"minutes.one": "{n} minute", "minutes.other": "{n} minutes",
	"hours.one": "{n} hour", "hours.other": "{n} hours",
	"days.one": "{n} day", "days.other": "{n} days",

	"subject.sign-in": "Sign in to {service}",
	"subject.verify":  "Confirm your address for {service}",
	"subject.reset":   "Reset your password for {service}",
	"subject.confirm": "Confirm that it is you at {service}",
	"subject.action":  "Confirm at {service}: {action}",
	"subject.code":    "{code} is your code for {service}",
	"subject.ref":     "{subject} (ref. {ref})",

	"code.sign-in": "Your code to sign in to {service}:",
	"code.verify":  "Your code to confirm your address for {service}:",
	"code.reset":   "Your code to reset your password for {service}:",
	"code.confirm": "Your code to confirm that it is you at {service}:",
	"code.action":  "Your code for {service} to confirm this: {action}",
	"code.life":    "It is good for {duration}. Never share it: nobody from {service} will ask you for it.",

	"link.sign-in": "To sign in to {service}, open this link within {duration}:",
	"link.verify":  "To confirm your address for {service}, open this link within {duration}:",
	"link.reset":   "To reset your password for {service}, open this link within {duration}:",
	"link.confirm": "To confirm that it is you at {service}, open this link within {duration}:",
	"link.action":  "To confirm this at {service}, open the link within {duration}: {action}",
	"link.or":      "Or open this link within {duration}:",
	"link.raw":     "If the button does not work, copy this address into your browser:",

	"button.sign-in": "Sign in",
	"button.verify":  "Confirm address",
	"button.reset":   "Reset password",
	"button.confirm": "Confirm",
	"button.action":  "Confirm",

	"asked.time":    "Requested: {value}",
	"asked.browser": "Browser: {value}",
	"asked.place":   "Near: {value}",

	"ignore.sign-in": "If this was not you, ignore this message.",
	"ignore.verify":  "If this was not you, ignore this message.",
	"ignore.reset":   "If this was not you, ignore this message. Your password stays as it is.",
	"ignore.confirm": "If this was not you, somebody may be using your account. Tell {service}.",
	"ignore.action":  "If you did not ask for this, somebody may be using your account. Do not confirm it, and tell {service}.",
	"preheader":      "Good for {duration}. Never share it.",

	"sms.code":   "{code} is your code for {service}. Never share it.",
	"sms.action": "{code} is your code for {service} to confirm: {action}. Never share it.",
	"sms.link":   "{subject}: {url}",

	"voice.code":   "Hello. Your code for {service} is: {code}. Once more: {code}. Never share it. Goodbye.",
	"voice.action": "Hello. To confirm this at {service}: {action}. Your code is: {code}. Once more: {code}. Never share it. Goodbye.",
}

var german = Catalogue{
	"minutes.one": "{n} Minute", "minutes.other": "{n} Minuten",
	"hours.one": "{n} Stunde", "hours.other": "{n} Stunden",
	"days.one": "{n} Tag", "days.other": "{n} Tage",

	"subject.sign-in": "Anmeldung bei {service}",
	"subject.verify":  "Bestätigen Sie Ihre Adresse für {service}",
	"subject.reset":   "Neues Passwort für {service}",
	"subject.confirm": "Bestätigen Sie bei {service}, dass Sie es sind",
	"subject.action":  "Bestätigung bei {service}: {action}",
	"subject.code":    "{code} ist Ihr Code für {service}",
	"subject.ref":     "{subject} (Ref. {ref})",

	"code.sign-in": "Ihr Code für die Anmeldung bei {service}:",
	"code.verify":  "Ihr Code, um Ihre Adresse für {service} zu bestätigen:",
	"code.reset":   "Ihr Code für ein neues Passwort bei {service}:",
	"code.confirm": "Ihr Code, um bei {service} zu bestätigen, dass Sie es sind:",
	"code.action":  "Ihr Code, um bei {service} dies zu bestätigen: {action}",
	"code.life":    "Gültigkeit: {duration}. Geben Sie ihn nie weiter: Niemand von {service} wird Sie danach fragen.",

	"link.sign-in": "Öffnen Sie zur Anmeldung bei {service} diesen Link. Gültigkeit: {duration}.",
	"link.verify":  "Öffnen Sie diesen Link, um Ihre Adresse für {service} zu bestätigen. Gültigkeit: {duration}.",
	"link.reset":   "Öffnen Sie diesen Link für ein neues Passwort bei {service}. Gültigkeit: {duration}.",
	"link.confirm": "Öffnen Sie diesen Link, um bei {service} zu bestätigen, dass Sie es sind. Gültigkeit: {duration}.",
	"link.action":  "Öffnen Sie den Link, um bei {service} dies zu bestätigen: {action}. Gültigkeit: {duration}.",
	"link.or":      "Oder öffnen Sie diesen Link. Gültigkeit: {duration}.",
	"link.raw":     "Wenn die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:",

	"button.sign-in": "Anmelden",
	"button.verify":  "Adresse bestätigen",
	"button.reset":   "Passwort zurücksetzen",
	"button.confirm": "Bestätigen",
	"button.action":  "Bestätigen",

	"asked.time":    "Angefordert: {value}",
	"asked.browser": "Browser: {value}",
	"asked.place":   "In der Nähe von: {value}",

	"ignore.sign-in": "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht.",
	"ignore.verify":  "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht.",
	"ignore.reset":   "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht. Ihr Passwort bleibt, wie es ist.",
	"ignore.confirm": "Wenn Sie das nicht waren, nutzt vielleicht jemand Ihr Konto. Wenden Sie sich an {service}.",
	"ignore.action":  "Wenn Sie das nicht wollten, nutzt vielleicht jemand Ihr Konto. Bestätigen Sie es nicht und wenden Sie sich an {service}.",
	"preheader":      "Gültigkeit: {duration}. Nie weitergeben.",

	"sms.code":   "{code} ist Ihr Code für {service}. Geben Sie ihn nie weiter.",
	"sms.action": "{code} ist Ihr Code, um bei {service} zu bestätigen: {action}. Geben Sie ihn nie weiter.",
	"sms.link":   "{subject}: {url}",

	"voice.code":   "Guten Tag. Ihr Code für {service} lautet: {code}. Noch einmal: {code}. Geben Sie ihn nie weiter. Auf Wiederhören.",
	"voice.action": "Guten Tag. Um bei {service} dies zu bestätigen: {action}. Ihr Code lautet: {code}. Noch einmal: {code}. Geben Sie ihn nie weiter. Auf Wiederhören.",
}

// The SMS have no ç, ê or ’, which would cost more than half of a segment.
var french = Catalogue{
	"minutes.one": "{n} minute", "minutes.other": "{n} minutes",
	"hours.one": "{n} heure", "hours.other": "{n} heures",
	"days.one": "{n} jour", "days.other": "{n} jours",

	"subject.sign-in": "Connexion à {service}",
	"subject.verify":  "Confirmez votre adresse pour {service}",
	"subject.reset":   "Nouveau mot de passe pour {service}",
	"subject.confirm": "Confirmez votre identité auprès de {service}",
	"subject.action":  "À confirmer auprès de {service}\u00a0: {action}",
	"subject.code":    "{code} est votre code pour {service}",
	"subject.ref":     "{subject} (réf. {ref})",

	"code.sign-in": "Votre code de connexion à {service}\u00a0:",
	"code.verify":  "Votre code pour confirmer votre adresse auprès de {service}\u00a0:",
	"code.reset":   "Votre code pour changer de mot de passe sur {service}\u00a0:",
	"code.confirm": "Votre code pour confirmer votre identité auprès de {service}\u00a0:",
	"code.action":  "Votre code {service} pour confirmer ceci\u00a0: {action}",
	"code.life":    "Il est valable {duration}. Ne le communiquez à personne\u00a0: {service} ne vous le demandera jamais.",

	"link.sign-in": "Pour vous connecter à {service}, ouvrez ce lien, valable {duration}\u00a0:",
	"link.verify":  "Pour confirmer votre adresse auprès de {service}, ouvrez ce lien, valable {duration}\u00a0:",
	"link.reset":   "Pour changer de mot de passe sur {service}, ouvrez ce lien, valable {duration}\u00a0:",
	"link.confirm": "Pour confirmer votre identité auprès de {service}, ouvrez ce lien, valable {duration}\u00a0:",
	"link.action":  "Pour confirmer ceci auprès de {service}, ouvrez le lien, valable {duration}\u00a0: {action}",
	"link.or":      "Ou ouvrez ce lien, valable {duration}\u00a0:",
	"link.raw":     "Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur\u00a0:",

	"button.sign-in": "Se connecter",
	"button.verify":  "Confirmer l’adresse",
	"button.reset":   "Changer de mot de passe",
	"button.confirm": "Confirmer",
	"button.action":  "Confirmer",

	"asked.time":    "Demandé le\u00a0: {value}",
	"asked.browser": "Navigateur\u00a0: {value}",
	"asked.place":   "Près de\u00a0: {value}",

	"ignore.sign-in": "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message.",
	"ignore.verify":  "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message.",
	"ignore.reset":   "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message. Votre mot de passe reste inchangé.",
	"ignore.confirm": "Si vous n’êtes pas à l’origine de cette demande, quelqu’un utilise peut-être votre compte. Prévenez {service}.",
	"ignore.action":  "Si vous n’êtes pas à l’origine de cette demande, quelqu’un utilise peut-être votre compte. Ne confirmez pas et prévenez {service}.",
	"preheader":      "Valable {duration}. À ne communiquer à personne.",

	"sms.code":   "{code} est votre code pour {service}. Ne le donnez à personne.",
	"sms.action": "{code} est votre code {service} pour confirmer : {action}. Ne le donnez à personne.",
	"sms.link":   "{subject} : {url}",

	"voice.code":   "Bonjour. Votre code pour {service} est\u00a0: {code}. Je répète\u00a0: {code}. Ne le donnez à personne. Au revoir.",
	"voice.action": "Bonjour. Pour confirmer ceci auprès de {service}\u00a0: {action}. Votre code est\u00a0: {code}. Je répète\u00a0: {code}. Ne le donnez à personne. Au revoir.",
}

// The SMS have none of á, í, ó and ú, which would cost more than half of a segment.
var spanish = Catalogue{
	"minutes.one": "{n} minuto", "minutes.other": "{n} minutos",
	"hours.one": "{n} hora", "hours.other": "{n} horas",
	"days.one": "{n} día", "days.other": "{n} días",

	"subject.sign-in": "Inicia sesión en {service}",
	"subject.verify":  "Confirma tu dirección en {service}",
	"subject.reset":   "Nueva contraseña para {service}",
	"subject.confirm": "Confirma en {service} que eres tú",
	"subject.action":  "Confirma en {service}: {action}",
	"subject.code":    "{code} es tu código de {service}",
	"subject.ref":     "{subject} (ref. {ref})",

	"code.sign-in": "Tu código para iniciar sesión en {service}:",
	"code.verify":  "Tu código para confirmar tu dirección en {service}:",
	"code.reset":   "Tu código para cambiar la contraseña de {service}:",
	"code.confirm": "Tu código para confirmar en {service} que eres tú:",
	"code.action":  "Tu código de {service} para confirmar esto: {action}",
	"code.life":    "Es válido durante {duration}. No lo compartas: nadie de {service} te lo pedirá.",

	"link.sign-in": "Para iniciar sesión en {service}, abre este enlace, válido durante {duration}:",
	"link.verify":  "Para confirmar tu dirección en {service}, abre este enlace, válido durante {duration}:",
	"link.reset":   "Para cambiar la contraseña de {service}, abre este enlace, válido durante {duration}:",
	"link.confirm": "Para confirmar en {service} que eres tú, abre este enlace, válido durante {duration}:",
	"link.action":  "Para confirmar esto en {service}, abre el enlace, válido durante {duration}: {action}",
	"link.or":      "O abre este enlace, válido durante {duration}:",
	"link.raw":     "Si el botón no funciona, copia esta dirección en tu navegador:",

	"button.sign-in": "Iniciar sesión",
	"button.verify":  "Confirmar dirección",
	"button.reset":   "Cambiar contraseña",
	"button.confirm": "Confirmar",
	"button.action":  "Confirmar",

	"asked.time":    "Solicitado: {value}",
	"asked.browser": "Navegador: {value}",
	"asked.place":   "Cerca de: {value}",

	"ignore.sign-in": "Si no has sido tú, ignora este mensaje.",
	"ignore.verify":  "Si no has sido tú, ignora este mensaje.",
	"ignore.reset":   "Si no has sido tú, ignora este mensaje. Tu contraseña no cambia.",
	"ignore.confirm": "Si no has sido tú, puede que alguien esté usando tu cuenta. Avisa a {service}.",
	"ignore.action":  "Si no lo has pedido tú, puede que alguien esté usando tu cuenta. No lo confirmes y avisa a {service}.",
	"preheader":      "Válido durante {duration}. No lo compartas.",

	"sms.code":   "{code} es tu clave de {service}. No la compartas.",
	"sms.action": "{code} es tu clave de {service} para confirmar: {action}. No la compartas.",
	"sms.link":   "{subject}: {url}",

	"voice.code":   "Hola. Tu código de {service} es: {code}. Repito: {code}. No lo compartas. Adiós.",
	"voice.action": "Hola. Para confirmar esto en {service}: {action}. Tu código es: {code}. Repito: {code}. No lo compartas. Adiós.",
}

var arabic = Catalogue{
	"minutes.one": "دقيقة واحدة", "minutes.two": "دقيقتين", "minutes.few": "{n} دقائق", "minutes.many": "{n} دقيقة", "minutes.other": "{n} دقيقة",
	"hours.one": "ساعة واحدة", "hours.two": "ساعتين", "hours.few": "{n} ساعات", "hours.many": "{n} ساعة", "hours.other": "{n} ساعة",
	"days.one": "يوم واحد", "days.two": "يومين", "days.few": "{n} أيام", "days.many": "{n} يومًا", "days.other": "{n} يوم",

	"subject.sign-in": "تسجيل الدخول إلى {service}",
	"subject.verify":  "تأكيد عنوانك لدى {service}",
	"subject.reset":   "إعادة تعيين كلمة المرور لدى {service}",
	"subject.confirm": "تأكيد هويتك لدى {service}",
	"subject.action":  "تأكيد لدى {service}: {action}",
	"subject.code":    "{code} هو رمزك لدى {service}",
	"subject.ref":     "{subject} (مرجع {ref})",

	"code.sign-in": "رمزك لتسجيل الدخول إلى {service}:",
	"code.verify":  "رمزك لتأكيد عنوانك لدى {service}:",
	"code.reset":   "رمزك لإعادة تعيين كلمة المرور لدى {service}:",
	"code.confirm": "رمزك لتأكيد هويتك لدى {service}:",
	"code.action":  "رمزك لدى {service} لتأكيد ما يلي: {action}",
	"code.life":    "الرمز صالح لمدة {duration}. لا تشاركه مع أحد: لن يطلبه منك أي شخص من {service}.",

	"link.sign-in": "لتسجيل الدخول إلى {service} افتح هذا الرابط خلال {duration}:",
	"link.verify":  "لتأكيد عنوانك لدى {service} افتح هذا الرابط خلال {duration}:",
	"link.reset":   "لإعادة تعيين كلمة المرور لدى {service} افتح هذا الرابط خلال {duration}:",
	"link.confirm": "لتأكيد هويتك لدى {service} افتح هذا الرابط خلال {duration}:",
	"link.action":  "لتأكيد ما يلي لدى {service} افتح الرابط خلال {duration}: {action}",
	"link.or":      "أو افتح هذا الرابط خلال {duration}:",
	"link.raw":     "إذا لم يعمل الزر فانسخ هذا العنوان إلى متصفحك:",

	"button.sign-in": "تسجيل الدخول",
	"button.verify":  "تأكيد العنوان",
	"button.reset":   "إعادة تعيين كلمة المرور",
	"button.confirm": "تأكيد",
	"button.action":  "تأكيد",

	"asked.time":    "وقت الطلب: {value}",
	"asked.browser": "المتصفح: {value}",
	"asked.place":   "بالقرب من: {value}",

	"ignore.sign-in": "إذا لم تكن أنت من طلب ذلك فتجاهل هذه الرسالة.",
	"ignore.verify":  "إذا لم تكن أنت من طلب ذلك فتجاهل هذه الرسالة.",
	"ignore.reset":   "إذا لم تكن أنت من طلب ذلك فتجاهل هذه الرسالة. ستبقى كلمة المرور كما هي.",
	"ignore.confirm": "إذا لم تكن أنت من طلب ذلك فربما يستخدم شخص آخر حسابك. أبلغ {service}.",
	"ignore.action":  "إذا لم تكن أنت من طلب ذلك فربما يستخدم شخص آخر حسابك. لا تؤكد الطلب وأبلغ {service}.",
	"preheader":      "صالح لمدة {duration}. لا تشاركه مع أحد.",

	"sms.code":   "{code} رمزك لدى {service}. لا تشاركه.",
	"sms.action": "{code} رمزك لدى {service} لتأكيد: {action}. لا تشاركه مع أحد.",
	"sms.link":   "{subject}: {url}",

	"voice.code":   "مرحبًا. رمزك لدى {service} هو: {code}. أكرر: {code}. لا تشاركه مع أحد. مع السلامة.",
	"voice.action": "مرحبًا. لتأكيد ما يلي لدى {service}: {action}. رمزك هو: {code}. أكرر: {code}. لا تشاركه مع أحد. مع السلامة.",
}
