"""What the plates of the world look like, as data: which characters stand where, on what ground, with what beside them.

In a layout L is a letter, D a digit, A either; other letters of the alphabet stand as they are. Between them: " " a gap, "-" a dash,
"·" a dot, "*" seals, "#" a crest or a picture, "|" a line. "/" begins the second line.
Sources: the statutes named in `clearway.plates.FORMATS`, and the look of plates in public road scenes.
"""

# A European plate: letters of the band, then layouts. "^" before a country: no band of its own.
EUROPE: dict[str, tuple[str, ...]] = {
    "D": (
        "L*L D",
        "L*LL DD",
        "LL*L DDD",
        "LL*LL DDD",
        "LL*LL DDDD",
        "L*LL DDDD",
        "LLL*LL DD",
        "LLL*L DDD",
        "LL*L DDDD",
        "L*L DDDD",
    ),
    "F": ("LL-DDD-LL",) * 3 + ("DDD LLL DD", "DDDD LL DD"),
    "I": ("LL DDDLL", "LLDDDLL", "LL DDD LL"),
    "E": ("DDDD LLL",) * 3 + ("DDDDLLL", "L DDDD LL", "LL-DDDD-L"),
    "NL": ("LL-DD-DD", "DD-LL-LL", "LL-LL-DD", "DD-LLL-D", "D-LLL-DD", "L-DDD-LL", "LL-DDD-L", "DD-LL-DD"),
    "B": ("D-LLL-DDD", "LLL-DDD", "DDD-LLL"),
    "P": ("DD-LL-DD", "LL-DD-DD", "DD-DD-LL", "LL DD LL"),
    "PL": ("LL DDDDD", "LLL DDDD", "LL DDDDL", "LLL DDDL", "LL DDDLL", "LLL DDLL", "LLL LDDD", "LLL DDLDL"),
    "CZ": ("DLD DDDD",) * 3 + ("DLL DDDD", "LLL DD-DD"),
    "SK": ("LL#DDDLL", "LL-DDDLL"),
    "H": ("LLL-DDD", "LL LL-DDD", "LLL DDD"),
    "RO": ("LL DD LLL", "L DDD LLL", "L DD LLL", "LL-DD-LLL"),
    "BG": ("LL DDDD LL", "L DDDD LL"),
    "GR": ("LLL-DDDD", "LLL DDDD"),
    "S": ("LLL DDD", "LLL DDL"),
    "FIN": ("LLL-DDD", "LL-DDD"),
    "DK": ("LL DD DDD",),
    "N": ("LL DDDDD", "LL DD DDD"),
    "EST": ("DDD LLL",),
    "LV": ("LL-DDDD", "LL-DDD"),
    "LT": ("LLL DDD", "LLL:DDD"),
    "SLO": ("LL LD-DDD", "LL#LL DDD", "LL#LL-DDD"),
    "HR": ("LL#DDD-LL", "LL#DDDD-LL", "LL#DDDD-L"),
    "A": ("L#DDDDL", "LL#DDDLL", "LL#DDDL", "L#DDDDDL"),
    "L": ("LLDDDD", "LL DDDD", "DDDDD"),
    "IRL": ("DDD-L-DDDDD", "DD-L-DDDD", "DD-LL-DDD", "DDD-L-DDDD"),
    "GB": ("LLDD LLL",) * 3 + ("LDDD LLL", "LDD LLL", "LLL DDDL", "LDLLL", "LDD LLL"),
    "UA": ("LL DDDD LL", "LL DDDDLL"),
    "TR": ("DD LL DDD", "DD LLL DD", "DD L DDDD", "DD LL DDDD"),
    "SRB": ("LL#DDD-LL", "LL#DDDD-LL"),
    "BIH": ("LDD-L-DDD", "DDD-L-DDD"),
    "AL": ("LL DDD LL",),
    "MD": ("LLL DDD", "L LL DDD"),
    "GE": ("LL-DDD-LL",),
}
NO_BAND: dict[str, tuple[str, ...]] = {
    "CH": ("#LL DDDDDD", "LL·DDD DDD", "#LL·DDDDD"),
    "RU": ("LDDDLL|DD", "LDDDLL|DDD"),
    "KZ": ("DDD LLL|DD",),
    "IL": ("DD-DDD-DD", "DDD-DD-DDD", "DD·DDD·DD"),
    "AU": ("LLL-DDD", "DDD·LLL", "LLL·DDL", "LL·DD·LL"),
    "SG": ("LLL DDDD L", "LL DDDD L"),
    "MY": ("LLL DDDD", "LL DDDD", "LLL DDDL"),
    "CO": ("LLL·DDD", "LLL DDD"),
    "CL": ("LL·LL·DD", "LL·DD·DD"),
    "IN": ("LL DD LL DDDD", "LL DD L DDDD", "LL-DD-LL-DDDD", "LLDDLLDDDD", "LL DD/LL DDDD", "LLDDL/DDDD"),
    "VN": ("DDL-DDD·DD", "DDL/DDD·DD", "DD-LD/DDD·DD", "DDL-DDDD", "DDL/DDDD", "DDL DDDDD"),
    "ZA": ("LL DD LL LL", "LLL DDD LL"),
    "OLD": ("LLL DDDL", "LLL DDD", "L DDDD LL", "LL DDDDD", "DDD LLL DD", "LLDDDDDD", "LL-DDDD-LL", "DDDD LL DD"),
}
AMERICA = (
    "LLL DDDD", "LLL-DDDD", "LLL·DDDD", "DLLLDDD", "LLL DDD", "LLL#DDD", "LLL·DDD", "LLL-DDD", "LLDLDL", "DDD LLL", "DDD-LLL", "DDD·LLL",
    "DDD#LLL", "LLLLDDD", "LL DDDDD", "LL-DDDDD", "DDDDDDD", "LLDDDD", "LL DDDD", "LDDDDDD", "DDDDDD", "LLDLDDD", "DLLDDDD", "LLDDDLL",
    "DDDLDD", "DDD LDD", "LLDDLD", "LDD DDL", "LDDDLL", "DDLLDD", "LDL DDL", "DDD DDD", "DDD·DDD", "LL#DDDD", "LLD DLL", "LLLL DD",
    "LLD·DDD", "DLD DDD", "LLL#DDDD", "AAAAAA", "AAAAAAA", "LLLLLL", "LLLLLLL", "LLLDD", "LLLLL", "AAAAA", "LDDLLL", "DDLLLD", "DLL DDD",
    "DDDDD LL", "LLDD DDD", "LDD·DDD", "DDLDDD",
)  # fmt: skip
BRAZIL_OLD, BRAZIL = ("LLL-DDDD", "LLL·DDDD", "LLL DDDD"), ("LLLDLDD", "LLL DLDD")
ARGENTINA_OLD, ARGENTINA = ("LLL DDD", "LLL#DDD", "LLLDDD"), ("LL DDD LL", "LL#DDD LL", "LL DDD#LL")
ALGERIA = (
    "DDDDD DDD DD", "DDDDDD DDD DD", "DDDDD-DDD-DD", "DDDDDD-DDD-DD", "DDDDDDDDDD", "DDDDDDDDDDD", "DDDDD DDDDD", "DDDDDD DDDDD",
    "DDDDD/DDD DD", "DDDDDD/DDD DD", "DDDDDD/DDD-DD",
)  # fmt: skip
# Persian letters of private cars first; the others are on taxis, trucks and state vehicles.
IRAN_LETTERS = "بجدسصطقلمنوهی" * 4 + "الفپتثزشعکگژ".replace("الف", "ا") + "عت" * 4
EGYPT_LETTERS = "ابجدرسصطعفقلمنهوی"
CHINA_BLUE, CHINA_GREEN, CHINA_YELLOW = (
    ("CL·AAAAA",),
    ("CL·DAAAAA", "CL·LDDDDD", "CL·LADDDD"),
    ("CL·AAAAA", "CL/AAAAA", "CL·AAAA学"),
)

STATES = (
    "ALABAMA ALASKA ARIZONA ARKANSAS CALIFORNIA COLORADO CONNECTICUT DELAWARE FLORIDA GEORGIA HAWAII IDAHO ILLINOIS INDIANA IOWA KANSAS "
    "KENTUCKY LOUISIANA MAINE MARYLAND MASSACHUSETTS MICHIGAN MINNESOTA MISSISSIPPI MISSOURI MONTANA NEBRASKA NEVADA OHIO OKLAHOMA OREGON "
    "PENNSYLVANIA TENNESSEE TEXAS UTAH VERMONT VIRGINIA WASHINGTON WISCONSIN WYOMING ONTARIO QUEBEC ALBERTA MANITOBA"
).split()
MOTTOES = (
    "SUNSHINE STATE|LIVE FREE OR DIE|LAND OF LINCOLN|GRAND CANYON STATE|EMPIRE STATE|GARDEN STATE|GREAT LAKES|VACATIONLAND|THE STATE"
    "|FAMOUS POTATOES|SWEET HOME|WILD WONDERFUL|FIRST IN FLIGHT|10,000 LAKES|IN GOD WE TRUST|THE LONE STAR STATE|JE ME SOUVIENS|dmv.example"
    "|EXPLORE|COUNTY|YOURS TO DISCOVER|CENTENNIAL|Birthplace of Aviation|The Spirit of America|LEWIS TOYOTA|CITY MOTORS|FORD|HONDA of TOWN"
).split("|")
TOWNS = (
    "SP-SAO PAULO|RJ-RIO DE JANEIRO|MG-BELO HORIZONTE|PR-CURITIBA|RS-PORTO ALEGRE|BA-SALVADOR|CE-FORTALEZA|PE-RECIFE|GO-GOIANIA|DF-BRASILIA"
    "|SC-FLORIANOPOLIS|AM-MANAUS|PA-BELEM|ES-VITORIA|MT-CUIABA|MA-SAO LUIS|RN-NATAL|PB-JOAO PESSOA|SE-ARACAJU|AL-MACEIO|MS-CAMPO GRANDE"
).split("|")
