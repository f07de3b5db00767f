"""Where buyers live: locale, real cities with matching postcodes, how a street line and a phone number look in that
country.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COUNTRIES", "TERRITORIES", "Country"]


@dataclass(frozen=True, slots=True)
class Country:
    """``cities`` = (city, postcode pattern, region); '#' in a pattern is a digit, '@' a digit from 1 to 9, '?' an
    upper-case letter.
    """

    locales: tuple[str, ...]
    language: str
    street: str
    phones: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]


COUNTRIES: dict[str, Country] = {
    "IT": Country(
        ("it_IT",),
        "it",
        "{street} {number}",
        ("+39 3@# #######", "3@########", "+39 0@ ########"),
        (
            ("Milano", "201##", "MI"),
            ("Roma", "001##", "RM"),
            ("Torino", "101##", "TO"),
            ("Napoli", "801##", "NA"),
            ("Bologna", "401##", "BO"),
            ("Firenze", "501##", "FI"),
            ("Palermo", "901##", "PA"),
            ("Bari", "701##", "BA"),
            ("Sesto San Giovanni", "20099", "MI"),
            ("Reggio nell'Emilia", "421##", "RE"),
            ("L'Aquila", "67100", "AQ"),
            ("Bolzano", "39100", "BZ"),
            ("Cagliari", "091##", "CA"),
        ),
    ),
    "ES": Country(
        ("es_ES",),
        "es",
        "{street}, {number}",
        ("+34 6## ### ###", "6########", "+34 9## ### ###"),
        (
            ("Madrid", "280##", "Madrid"),
            ("Barcelona", "080##", "Barcelona"),
            ("Valencia", "460##", "Valencia"),
            ("Sevilla", "410##", "Sevilla"),
            ("Zaragoza", "500##", "Zaragoza"),
            ("Málaga", "290##", "Málaga"),
            ("A Coruña", "150##", "A Coruña"),
            ("Bilbao", "480##", "Bizkaia"),
            ("San Cristóbal de La Rinconada", "41309", "Sevilla"),
            ("Palma", "070##", "Illes Balears"),
        ),
    ),
    "FR": Country(
        ("fr_FR",),
        "fr",
        "{number} {street}",
        ("+33 6 ## ## ## ##", "06########", "+33 1 ## ## ## ##"),
        (
            ("Paris", "750@#", ""),
            ("Lyon", "6900@", ""),
            ("Marseille", "1300@", ""),
            ("Toulouse", "31000", ""),
            ("Nantes", "44000", ""),
            ("Strasbourg", "67000", ""),
            ("Saint-Étienne", "42000", ""),
            ("Aix-en-Provence", "13100", ""),
            ("L'Haÿ-les-Roses", "94240", ""),
            ("Lille", "59000", ""),
        ),
    ),
    "DE": Country(
        ("de_DE",),
        "de",
        "{street} {number}",
        ("+49 15# ########", "+49 17# #######", "0@## #######"),
        (
            ("Berlin", "101##", "Berlin"),
            ("Hamburg", "2035#", "Hamburg"),
            ("München", "803##", "Bayern"),
            ("Köln", "506##", "Nordrhein-Westfalen"),
            ("Frankfurt am Main", "603##", "Hessen"),
            ("Stuttgart", "701##", "Baden-Württemberg"),
            ("Düsseldorf", "402##", "Nordrhein-Westfalen"),
            ("Leipzig", "041##", "Sachsen"),
            ("Rothenburg ob der Tauber", "91541", "Bayern"),
            ("Münster", "481##", "Nordrhein-Westfalen"),
        ),
    ),
    "PL": Country(
        ("pl_PL",),
        "pl",
        "ul. {street} {number}",
        ("+48 ### ### ###", "5########", "+48 6## ### ###"),
        (
            ("Warszawa", "00-@##", "mazowieckie"),
            ("Kraków", "30-@##", "małopolskie"),
            ("Łódź", "90-@##", "łódzkie"),
            ("Wrocław", "50-@##", "dolnośląskie"),
            ("Poznań", "60-@##", "wielkopolskie"),
            ("Gdańsk", "80-@##", "pomorskie"),
            ("Szczecin", "70-@##", "zachodniopomorskie"),
            ("Częstochowa", "42-2##", "śląskie"),
        ),
    ),
    "NL": Country(
        ("nl_NL",),
        "nl",
        "{street} {number}",
        ("+31 6 ########", "06########", "+31 20 #######"),
        (
            ("Amsterdam", "10## ??", "Noord-Holland"),
            ("Rotterdam", "30## ??", "Zuid-Holland"),
            ("'s-Gravenhage", "25## ??", "Zuid-Holland"),
            ("Utrecht", "35## ??", "Utrecht"),
            ("Eindhoven", "56## ??", "Noord-Brabant"),
            ("'s-Hertogenbosch", "52## ??", "Noord-Brabant"),
            ("Groningen", "97## ??", "Groningen"),
        ),
    ),
    "GB": Country(
        ("en_GB",),
        "en",
        "{number} {street}",
        ("+44 7700 900###", "07700 900###", "+44 20 7946 0###"),
        (
            ("London", "SW@A @??", "Greater London"),
            ("Manchester", "M@ @??", "Greater Manchester"),
            ("Birmingham", "B@# @??", "West Midlands"),
            ("Leeds", "LS@ @??", "West Yorkshire"),
            ("Glasgow", "G@ @??", "Scotland"),
            ("Cardiff", "CF10 @??", "Wales"),
            ("Stratford-upon-Avon", "CV37 @??", "Warwickshire"),
            ("Bristol", "BS@ @??", "Bristol"),
        ),
    ),
    "SE": Country(
        ("sv_SE",),
        "sv",
        "{street} {number}",
        ("+46 70 ### ## ##", "07########", "+46 8 ### ## ##"),
        (
            ("Stockholm", "11@ ##", ""),
            ("Göteborg", "41@ ##", ""),
            ("Malmö", "21@ ##", ""),
            ("Uppsala", "75@ ##", ""),
            ("Västerås", "72@ ##", ""),
            ("Örebro", "70@ ##", ""),
            ("Umeå", "90@ ##", ""),
        ),
    ),
    "BE": Country(
        ("nl_BE", "fr_BE"),
        "nl",
        "{street} {number}",
        ("+32 4## ## ## ##", "04########", "+32 2 ### ## ##"),
        (
            ("Antwerpen", "20#0", "Antwerpen"),
            ("Gent", "9000", "Oost-Vlaanderen"),
            ("Brugge", "8000", "West-Vlaanderen"),
            ("Leuven", "3000", "Vlaams-Brabant"),
            ("Bruxelles", "10#0", "Bruxelles"),
            ("Liège", "4000", "Liège"),
            ("Namur", "5000", "Namur"),
            ("Sint-Niklaas", "9100", "Oost-Vlaanderen"),
        ),
    ),
    "IE": Country(
        ("en_IE",),
        "en",
        "{number} {street}",
        ("+353 8@ ### ####", "08########", "+353 1 ### ####"),
        (
            ("Dublin", "D0@ ?#?#", "Dublin"),
            ("Cork", "T12 ?#?#", "Cork"),
            ("Galway", "H91 ?#?#", "Galway"),
            ("Limerick", "V94 ?#?#", "Limerick"),
            ("Dún Laoghaire", "A96 ?#?#", "Dublin"),
        ),
    ),
    "TR": Country(
        ("tr_TR",),
        "tr",
        "{street} No:{number}",
        ("+90 5## ### ## ##", "05#########", "+90 212 ### ## ##"),
        (
            ("İstanbul", "344##", "İstanbul"),
            ("Ankara", "060##", "Ankara"),
            ("İzmir", "350##", "İzmir"),
            ("Bursa", "160##", "Bursa"),
            ("Antalya", "070##", "Antalya"),
            ("Eskişehir", "260##", "Eskişehir"),
        ),
    ),
    "AT": Country(
        ("de_AT",),
        "de",
        "{street} {number}",
        ("+43 66# #######", "+43 1 #######"),
        (
            ("Wien", "1@@0", "Wien"),
            ("Graz", "8010", "Steiermark"),
            ("Linz", "4020", "Oberösterreich"),
            ("Salzburg", "5020", "Salzburg"),
        ),
    ),
    "PT": Country(
        ("pt_PT",),
        "pt",
        "{street}, {number}",
        ("+351 91# ### ###", "9########"),
        (
            ("Lisboa", "1@00-@##", "Lisboa"),
            ("Porto", "4@00-@##", "Porto"),
            ("Braga", "4700-@##", "Braga"),
            ("Setúbal", "2900-@##", "Setúbal"),
        ),
    ),
    "LU": Country(
        ("fr_FR",),
        "fr",
        "{number}, {street}",
        ("+352 6@1 ### ###",),
        (("Luxembourg", "L-1@##", ""), ("Esch-sur-Alzette", "L-4@##", ""), ("Differdange", "L-4@##", "")),
    ),
    "FI": Country(
        ("fi_FI",),
        "fi",
        "{street} {number}",
        ("+358 40 ### ####", "+358 50 ### ####"),
        (("Helsinki", "00@00", ""), ("Espoo", "02@00", ""), ("Tampere", "33@00", ""), ("Jyväskylä", "40@00", "")),
    ),
    "DK": Country(
        ("da_DK",),
        "da",
        "{street} {number}",
        ("+45 ## ## ## ##", "+45 2# ## ## ##"),
        (("København", "2@00", ""), ("Aarhus", "8000", ""), ("Odense", "5000", ""), ("Aalborg", "9000", "")),
    ),
}

# Parts of the EU outside its VAT territory (Directive 2006/112/EC, article 6): goods sent there are exports.
TERRITORIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "IT": (("Livigno", "23041", "SO"),),
    "ES": (
        ("Las Palmas de Gran Canaria", "350##", "Las Palmas"),
        ("Santa Cruz de Tenerife", "380##", "Santa Cruz de Tenerife"),
        ("Ceuta", "5100@", "Ceuta"),
    ),
    "DE": (("Büsingen am Hochrhein", "78266", "Baden-Württemberg"),),
}
