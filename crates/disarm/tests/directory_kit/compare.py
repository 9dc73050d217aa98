"""Says where two calendars or books of cards differ, as two readers see them: icalendar and vobject.

Usage: compare.py ORIGINAL REBUILT. Prints one line for each difference, nothing where there is none."""

import datetime
import sys
import warnings

import icalendar
import vobject

warnings.simplefilter("ignore")
OCCURRENCES = 60


def moment(value):
    """A day, a local time, or an instant."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return "local " + value.isoformat()
        return "utc " + value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, datetime.date):
        return "day " + value.isoformat()
    return repr(value)


def several(prop):
    props = prop if isinstance(prop, list) else [prop] if prop is not None else []
    out = []
    for one in props:
        for date in one.dts:
            value = date.dt
            out.append(moment(value[0] if isinstance(value, tuple) else value))
    return sorted(out)


def end(event):
    """A length and an end at a time are two ways to say one thing."""
    for name in ("DTEND", "DUE"):
        if name in event:
            return moment(event[name].dt)
    if "DURATION" in event and "DTSTART" in event:
        return moment(event["DTSTART"].dt + event["DURATION"].dt)
    return None


def people(prop):
    props = prop if isinstance(prop, list) else [prop] if prop is not None else []
    return sorted(
        (str(one).lower(), str(one.params.get("CN", "")), str(one.params.get("PARTSTAT", "")), str(one.params.get("ROLE", "")))
        for one in props
    )


def words(event, name):
    value = event.get(name, "")
    if isinstance(value, list):
        value = value[0]
    # This reader leaves the backslash that some programs write before a quote.
    value = str(value).replace('\\"', '"')
    return "\n".join(line.rstrip() for line in str(value).replace("\t", " ").strip().split("\n"))


def by_icalendar(path):
    calendar = icalendar.Calendar.from_ical(open(path, "rb").read())
    found = []
    for event in calendar.walk():
        if event.name not in ("VEVENT", "VTODO", "VJOURNAL"):
            continue
        said = {name: words(event, name) for name in ("SUMMARY", "LOCATION", "DESCRIPTION", "STATUS", "SEQUENCE")}
        said["SEQUENCE"] = said["SEQUENCE"] or "0"
        said["UID"] = words(event, "UID") or None
        said["DTSTART"] = moment(event["DTSTART"].dt) if "DTSTART" in event else None
        said["END"] = end(event)
        said["EXDATE"] = several(event.get("EXDATE"))
        said["RDATE"] = several(event.get("RDATE"))
        said["RECURRENCE-ID"] = moment(event["RECURRENCE-ID"].dt) if "RECURRENCE-ID" in event else None
        said["ATTENDEE"] = people(event.get("ATTENDEE"))
        said["ORGANIZER"] = people(event.get("ORGANIZER"))
        rules = event.get("RRULE")
        rules = rules if isinstance(rules, list) else [rules] if rules else []
        said["RRULE"] = sorted(str(sorted((k, [str(x) for x in v]) for k, v in r.items() if (k, v) != ("INTERVAL", [1]))) for r in rules)
        found.append(said)
    return {"METHOD": words(calendar, "METHOD")}, found


def by_vobject(path):
    found = []
    for calendar in vobject.readComponents(open(path, encoding="utf-8")):
        for event in calendar.components():
            if event.name not in ("VEVENT", "VTODO"):
                continue
            said = {name: getattr(event, name.lower()).value.strip() for name in ("SUMMARY",) if hasattr(event, name.lower())}
            rules = event.getrruleset(addRDate=True)
            if rules is not None:
                times = []
                for number, time in enumerate(rules):
                    if number == OCCURRENCES:
                        break
                    times.append(moment(time))
                said["TIMES"] = times
            found.append(said)
    return {}, found


def cards(path):
    found = []
    for card in vobject.readComponents(open(path, encoding="utf-8")):
        said = {}
        for name in ("fn", "title", "note", "bday"):
            said[name] = getattr(card, name).value.strip().replace("-", "") if hasattr(card, name) else ""
        if hasattr(card, "n"):
            name = card.n.value
            parts = (name.family, name.given, name.additional, name.prefix, name.suffix)
            said["n"] = tuple(" ".join(part) if isinstance(part, list) else part for part in parts)
        if hasattr(card, "org"):
            said["org"] = card.org.value
        said["tel"] = sorted(one.value.removeprefix("tel:") for one in card.contents.get("tel", []))
        said["email"] = sorted(one.value for one in card.contents.get("email", []))
        said["url"] = sorted(one.value for one in card.contents.get("url", []))
        said["adr"] = [
            (a.value.box, a.value.extended, a.value.street, a.value.city, a.value.region, a.value.code, a.value.country)
            for a in card.contents.get("adr", [])
        ]
        found.append(said)
    return {}, found


def differences(reader, read, original, rebuilt):
    try:
        before = read(original)
    except Exception as error:
        # What one reader cannot take is left to the other; the rebuilt file must be one that both take.
        read(rebuilt)
        print(f"# {reader} cannot read the original: {error}", file=sys.stderr)
        return
    after = read(rebuilt)
    pairs = [(before[0], after[0])] + list(zip(before[1], after[1]))
    if len(before[1]) != len(after[1]):
        print(f"{reader}: {len(before[1])} entries became {len(after[1])}")
    for number, (old, new) in enumerate(pairs):
        for key in sorted(set(old) | set(new)):
            # What the standard asks for and the original lacks.
            if key in ("UID", "n", "fn") and not old.get(key):
                continue
            if old.get(key) != new.get(key):
                print(f"{reader}: entry {number} {key}: {old.get(key)!r} became {new.get(key)!r}")


original, rebuilt = sys.argv[1:3]
head = open(rebuilt, "rb").read(64)
if head.startswith(b"BEGIN:VCALENDAR"):
    differences("icalendar", by_icalendar, original, rebuilt)
    differences("vobject", by_vobject, original, rebuilt)
else:
    differences("vobject", cards, original, rebuilt)
for line in open(rebuilt, "rb").read().split(b"\r\n"):
    if len(line) > 75:
        print(f"a line of {len(line)} octets")
    line.decode("utf-8")
