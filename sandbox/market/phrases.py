"""What buyers write, per language: second address lines, drop-off places, instructions to the driver, gift notes.
Plain data.

``{first}`` and ``{last}`` are filled with made-up names, ``{n}`` and ``{m}`` with small numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PHRASES", "Phrases", "phrases"]


@dataclass(frozen=True, slots=True)
class Phrases:
    second_lines: tuple[str, ...]
    drop_off: tuple[str, ...]
    instructions: tuple[str, ...]
    gifts: tuple[str, ...]
    pickup: tuple[tuple[str, str], ...]


PHRASES: dict[str, Phrases] = {
    "it": Phrases(
        (
            "Scala {m}, interno {n}",
            "Piano {m}, int. {n}",
            "c/o {first} {last}",
            "Palazzina B, citofono {last}",
            "Condominio Le Rose",
        ),
        ("Portineria", "Dal vicino {last}, interno {n}", "Dietro il cancello", "In garage"),
        (
            "Citofonare {last}, {m}° piano",
            "Il numero {n} è in fondo al cortile, cancello verde",
            "Chiamare 10 minuti prima, il campanello è rotto",
            "Attenzione al cane, lasciare al custode {first}",
        ),
        (
            "Buon compleanno {first}! Con affetto, {last}",
            "Tanti auguri di Buon Natale, {first}!\nUn abbraccio forte",
            "Per la tua nuova casa, {first}. Baci!",
        ),
        (
            ("Punto di ritiro Amazon Locker - Aurora", "Via della Stazione {n}"),
            ("Ufficio postale - Fermoposta", "Piazza della Libertà {m}"),
        ),
    ),
    "es": Phrases(
        (
            "Piso {m}, puerta {n}",
            "Esc. A, {m}º B",
            "Bajo izquierda",
            "A/A {first} {last}",
            "Urbanización Los Pinos, bloque {m}",
        ),
        ("Conserjería", "Con el vecino {last} del {m}º", "En el buzón grande", "Detrás de la verja"),
        (
            "Llamar al timbre {last}",
            "Portal {n}, entrada por el callejón",
            "Entregar por la tarde, preguntar por {first}",
            "El código del portal es {n}{m}4",
        ),
        (
            "¡Feliz cumpleaños, {first}! Un beso de {last}",
            "¡Feliz Navidad, {first}!\nCon mucho cariño",
            "Para tu casa nueva, {first}. ¡Disfrútalo!",
        ),
        (("Amazon Locker - girasol", "Calle Mayor {n}"), ("Oficina de Correos", "Plaza de España {m}")),
    ),
    "fr": Phrases(
        (
            "Appartement {n}",
            "Bât. C, {m}e étage",
            "Chez {first} {last}",
            "Résidence Les Tilleuls",
            "Escalier {m}, porte {n}",
        ),
        ("Chez le gardien", "Chez le voisin {last}", "Dans l'abri de jardin", "Derrière le portail"),
        (
            "Sonner chez {last}",
            "Code porte {n}A{m}, {m}e étage droite",
            "Déposer chez M. {last} en cas d'absence",
            "Le portail bleu au fond de l'impasse",
        ),
        (
            "Joyeux anniversaire {first} ! Bises, {last}",
            "Joyeux Noël {first} !\nAvec toute notre tendresse",
            "Pour ton nouvel appartement, {first}. À bientôt !",
        ),
        (
            ("Amazon Locker - mimosa", "{n} rue de la Gare"),
            ("Point relais - Tabac de la Place", "{m} place de l'Église"),
        ),
    ),
    "de": Phrases(
        ("{m}. OG links", "Hinterhaus", "c/o {last}", "Wohnung {n}", "Appartement {n}, Aufgang B"),
        ("Garage", "Beim Nachbarn {last}", "Terrasse", "Beim Hausmeister"),
        (
            "Bitte bei {last} klingeln",
            "Hintereingang benutzen, Tor Nummer {m}",
            "Nicht im Treppenhaus abstellen, {first} ist ab 16 Uhr da",
            "Paket über den Zaun zur Terrasse",
        ),
        (
            "Alles Gute zum Geburtstag, {first}! Deine {last}s",
            "Frohe Weihnachten, {first}!\nViele liebe Grüße",
            "Für die neue Wohnung, {first}. Bis bald!",
        ),
        (("Packstation {n}5", "Postnummer 8{n}4{m}1"), ("Amazon Locker - Kornblume", "Bahnhofstraße {n}")),
    ),
    "pl": Phrases(
        ("m. {n}", "klatka {m}, mieszkanie {n}", "II piętro", "c/o {first} {last}", "budynek B"),
        ("U sąsiada {last}", "Portiernia", "Garaż", "Za furtką"),
        (
            "Dzwonić domofonem {last}",
            "Kod do bramy {n}{m}",
            "Proszę zadzwonić przed dostawą, {first}",
            "Wejście od podwórza",
        ),
        (
            "Wszystkiego najlepszego, {first}! {last}",
            "Wesołych Świąt, {first}!\nŚciskamy mocno",
            "Do nowego mieszkania, {first}. Buziaki!",
        ),
        (("Paczkomat WAW{n}A", "ul. Dworcowa {m}"), ("Punkt odbioru - Żabka", "ul. Polna {n}")),
    ),
    "nl": Phrases(
        ("Bus {m}", "{m} hoog", "t.a.v. {first} {last}", "Appartement {n}", "Toevoeging B"),
        ("Bij de buren {last}", "In de schuur", "Receptie", "Achter het hek"),
        (
            "Aanbellen bij {last}",
            "Achterom via het pad naast nummer {n}",
            "Graag na 18 uur, vraag naar {first}",
            "Niet in de container leggen",
        ),
        (
            "Gefeliciteerd met je verjaardag, {first}! Groetjes, {last}",
            "Fijne feestdagen, {first}!\nDikke kus",
            "Voor je nieuwe huis, {first}. Tot gauw!",
        ),
        (("Amazon Locker - tulp", "Stationsplein {n}"), ("PostNL-punt Bruna", "Marktstraat {m}")),
    ),
    "en": Phrases(
        ("Flat {n}", "Apartment {n}, Block C", "c/o {first} {last}", "Unit {m}", "The Old Mill"),
        ("With a neighbour ({last})", "Porch", "Reception", "Behind the gate"),
        (
            "Ring the bell for {last}",
            "Gate code {n}{m}7, blue door",
            "Ask for {first} at reception",
            "Leave with number {n} if out",
        ),
        (
            "Happy birthday {first}! Love, {last}",
            "Merry Christmas {first}!\nLots of love",
            "For the new home, {first}. Enjoy!",
        ),
        (("Amazon Hub Locker - Daisy", "{n} Station Road"), ("Post Office Collect", "{m} High Street")),
    ),
    "sv": Phrases(
        ("Lgh {n}", "{m} tr", "c/o {last}", "Port B", "Uppgång {m}"),
        ("Hos grannen {last}", "I garaget", "Receptionen", "Vid dörren"),
        ("Ring på hos {last}", "Portkod {n}{m}", "Ring innan leverans, fråga efter {first}", "Ingång från gården"),
        (
            "Grattis på födelsedagen, {first}! Kram, {last}",
            "God jul, {first}!\nMånga kramar",
            "Till nya hemmet, {first}. Kram!",
        ),
        (("Instabox {n}", "Stationsgatan {m}"), ("PostNord ombud", "Storgatan {n}")),
    ),
    "tr": Phrases(
        ("Daire {n}", "Kat {m}, Daire {n}", "B Blok", "{first} {last} eliyle", "Çamlık Sitesi"),
        ("Komşu {last}", "Güvenlik", "Kapıcı", "Bahçe kapısı"),
        (
            "{last} ziline basın",
            "Site girişindeki güvenliğe bırakın, {first}",
            "Kapı kodu {n}{m}",
            "Mavi kapı, {m}. kat",
        ),
        (
            "Doğum günün kutlu olsun {first}! {last}",
            "Mutlu yıllar {first}!\nSevgiler",
            "Yeni evin için, {first}. Güle güle kullan!",
        ),
        (("Amazon Teslimat Noktası", "İstasyon Caddesi No:{n}"), ("PTT Şubesi", "Cumhuriyet Meydanı No:{m}")),
    ),
}


def phrases(language: str) -> Phrases:
    """The phrases of a language; buyers of a language we do not write use English."""
    return PHRASES.get(language, PHRASES["en"])
