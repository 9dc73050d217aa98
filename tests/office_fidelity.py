#!/usr/bin/env python3
"""Takes every Word, Excel and PowerPoint file of some directories through both rooms and compares what comes out with what went in.

    tests/office_fidelity.py DIR... [--rooms target/release/examples/office] [--font FILE]... [--pages 4] [--keep OUT] [--report FILE]
    tests/office_fidelity.py DIR... --misogi target/release/misogi [--pages 4] [--keep OUT] [--report FILE]

`cargo build --release -p disarm --example office` makes the program. With `--misogi` the whole program is taken instead, and with it also the
files that go through LibreOffice first: doc, xls, ppt, rtf, xlsb and OpenDocument; their cells are read by calamine. Printed: rebuilt and withheld with reasons, findings, whether
python-docx, openpyxl and python-pptx open every output, what oletools (olevba, mraptor, oleobj, msodde) find in it, whether the values and notes
of all cells are equal, how many pages LibreOffice makes of both sides, how alike they look, how much of their text is found again, time and
size, and the worst twenty of each. The worst pages are written as pictures, original | rebuilt | difference.

What LibreOffice loses when it turns an old document into one of today is no loss of the rooms: with `--direct` it does so outside of any room as
well, and pages and text of the output are compared with those of that document too.

Some documents do not look alike twice: RAND() and NOW() are computed at each opening. The originals of pages that differ are printed once
more, and where the two prints of the original differ, the pages are not compared; such files are counted.

Text is compared letter by letter on the printed pages. A drawing of Windows (EMF, WMF) is pixels in the output, and its words stand in what the
picture says of itself (`descr`), where a search finds them: text that the output says there and the original does not is counted as found, and
the figure without it is printed beside. Of each file that lost text, the report has the words that are not found again.

Exit code 1 when the rooms ended abnormally or refused the form of their own making, a reader does not open an output that opens the
original, an output is no sound archive of well-formed XML, or a tool finds something active in it. How alike pages look decides nothing, it is
for people to read.

Needs LibreOffice, poppler-utils, python-docx, openpyxl, python-pptx, oletools, Pillow and numpy; with `--misogi` python-calamine.
"""
import argparse, collections, concurrent.futures, hashlib, html, importlib.util, json, os, pathlib, re, resource, shutil, subprocess, sys, tempfile
import time, unicodedata, xml.parsers.expat, zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pdf_fidelity
from PIL import Image, ImageChops, ImageDraw

FAMILIES = {"d": ("docx", "docm", "dotx", "dotm"), "x": ("xlsx", "xlsm", "xltx", "xltm"), "p": ("pptx", "pptm", "potx", "potm", "ppsx", "ppsm")}
FAMILY = {extension: family for family, extensions in FAMILIES.items() for extension in extensions}
PLAIN = {"d": "docx", "x": "xlsx", "p": "pptx"}
# What LibreOffice takes apart before the rooms do.
FOREIGN = {"doc": "d", "dot": "d", "rtf": "d", "odt": "d", "ott": "d", "fodt": "d", "xls": "x", "xlt": "x", "xlsb": "x", "biff5": "x", "xls5": "x", "ods": "x",
           "ots": "x", "fods": "x", "ppt": "p", "pps": "p", "pot": "p", "odp": "p", "otp": "p", "fodp": "p"}
# Fonts for the words of drawings, as the packages of Debian that a gateway needs have them.
FONTS = ["/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
         "/usr/share/fonts/opentype/ipafont-mincho/ipam.ttf", "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf"]
# Pages less alike than this are looked at again, without the squares of so many pixels in which the original changes.
STEADY, SQUARE = 0.999, 8
SECONDS = 60
MEMORY = 4 << 30

READ = """
import sys, warnings
warnings.simplefilter("ignore")
family, path = sys.argv[1:]
if family == "d":
    import docx
    document = docx.Document(path)
    sum(len(p.text) for p in document.paragraphs) + sum(len(c.text) for t in document.tables for r in t.rows for c in r.cells)
    [s.header.is_linked_to_previous for s in document.sections]; [s.name for s in document.styles]
elif family == "x":
    import openpyxl
    openpyxl.load_workbook(path)
else:
    import pptx
    for slide in pptx.Presentation(path).slides:
        [(shape.name, shape.has_text_frame and shape.text_frame.text) for shape in slide.shapes]
        slide.slide_layout.slide_master.name
"""
CELLS = """
import json, sys, warnings, openpyxl
warnings.simplefilter("ignore")
books = []
for path in sys.argv[1:]:
    book = openpyxl.load_workbook(path, data_only=True)
    books.append({sheet.title: {cell.coordinate: repr((cell.value, cell.comment and cell.comment.text)) for row in sheet.iter_rows()
                                for cell in row if cell.value is not None or cell.comment} for sheet in book.worksheets})
one, other = books
cells = sum(map(len, one.values()))
wrong = [(title, at, value, other.get(title, {}).get(at)) for title, sheet in one.items() for at, value in sheet.items() if other.get(title, {}).get(at) != value]
more = sum(1 for title, sheet in other.items() for at in sheet if at not in one.get(title, {}))
print(json.dumps([cells, len(wrong), more, [str(each)[:160] for each in wrong[:3]]]))
"""
FOREIGN_CELLS = """
import datetime, json, sys, python_calamine
books = []
# LibreOffice writes numbers with 15 digits and times in milliseconds, booleans as numbers that look so; that a number is a date is known of
# some formats only.
def plain(value):
    if isinstance(value, datetime.datetime) or isinstance(value, datetime.date):
        value = datetime.datetime(*value.timetuple()[:6], getattr(value, "microsecond", 0)) - datetime.datetime(1899, 12, 30)
    if isinstance(value, datetime.time):
        value = datetime.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    if isinstance(value, datetime.timedelta):
        value = round(value.total_seconds() / 86400, 7)
    return f"{float(value):.14g}" if isinstance(value, (bool, int, float)) else repr(value)
for path in sys.argv[1:]:
    book = python_calamine.CalamineWorkbook.from_path(path)
    sheets = {}
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        top, left = sheet.start or (0, 0)
        at = lambda row, column: f"R{row + 1 + top}C{column + 1 + left}"
        rows = enumerate(sheet.to_python(skip_empty_area=True))
        sheets[name] = {at(row, column): plain(value) for row, cells in rows for column, value in enumerate(cells) if value not in ("", None)}
    books.append(sheets)
one, other = books
cells = sum(map(len, one.values()))
wrong = [(title, at, value, other.get(title, {}).get(at)) for title, sheet in one.items() for at, value in sheet.items() if other.get(title, {}).get(at) != value]
more = sum(1 for title, sheet in other.items() for at in sheet if at not in one.get(title, {}))
print(json.dumps([cells, len(wrong), more, [str(each)[:160] for each in wrong[:3]]]))
"""
ACTIVE = """
import json, sys
from oletools import olevba, mraptor, oleobj, msodde
path = sys.argv[1]
found = []
parser = olevba.VBA_Parser(path)
if parser.detect_vba_macros():
    found.append("olevba: macros")
code = "".join(text or "" for *_, text in parser.extract_all_macros()) if parser.detect_vba_macros() else ""
raptor = mraptor.MacroRaptor(code); raptor.scan()
if raptor.suspicious:
    found.append("mraptor: suspicious")
if parser.detect_xlm_macros() if hasattr(parser, "detect_xlm_macros") else False:
    found.append("olevba: XLM")
for kind, target in oleobj.find_external_relationships(oleobj.XmlParser(path)) if oleobj.is_zipfile(path) else []:
    if not (kind == "hyperlink" and target.split(":")[0] in ("http", "https", "mailto")):
        found.append(f"oleobj: {kind} {target}")
if oleobj.is_zipfile(path):
    import zipfile
    for name in zipfile.ZipFile(path).namelist():
        if name.endswith(".bin"):
            found.append("oleobj: " + name)
try:
    told = msodde.process_file(path, msodde.FIELD_FILTER_BLACKLIST)
    # Its list of harmless fields lacks two that only repeat words of the document.
    told = [line for line in told.splitlines() if line.strip() and line.split()[0].upper() not in ("REF", "STYLEREF")]
    if told:
        found.append("msodde: " + "; ".join(told)[:200])
except Exception as error:
    found.append(f"msodde cannot read it: {error!r}"[:200])
print(json.dumps(found))
"""


def bounded(command, seconds=SECONDS, memory=MEMORY, **more):
    """Runs a tool on a hostile file: bounded in time and memory; None when it did not end."""
    limit = lambda: (os.setsid(), resource.setrlimit(resource.RLIMIT_AS, (memory, memory)))
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit, **more) as process:
        try:
            out, err = process.communicate(timeout=seconds)
            return subprocess.CompletedProcess(command, process.returncode, out, err)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return None


def python(script, *arguments):
    done = bounded([sys.executable, "-c", script, *map(str, arguments)])
    if done is None:
        return None, "no end"
    last = done.stderr.decode(errors="replace").strip().splitlines()
    return (done.stdout.decode(errors="replace") if done.returncode == 0 else None), (last[-1][:200] if last else f"exit {done.returncode}")


def soundness(path):
    """What is wrong with the archive and its XML; nothing in a good one."""
    wrong = []
    try:
        archive = zipfile.ZipFile(path)
        names = archive.namelist()
        if len({name.lower() for name in names}) != len(names):
            wrong.append("a name twice")
        for name in names:
            data = archive.read(name)
            if name.endswith((".xml", ".rels", ".vml")):
                parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
                parser.StartDoctypeDeclHandler = lambda *_: wrong.append(f"{name}: a document type")
                parser.Parse(data, True)
    except Exception as error:
        wrong.append(repr(error)[:200])
    return wrong


SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>ja-JP</value></prop></item>
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooLocale" oor:op="fuse"><value>en-US</value></prop></item>
<item oor:path="/org.openoffice.Office.Linguistic/General"><prop oor:name="DefaultLocale_CJK" oor:op="fuse"><value>ja-JP</value></prop></item>
</oor:items>
"""


def to_pdf(files, out, profile, kind="pdf"):
    """Converts what is not there yet; files that cannot be converted get an empty mark."""
    out.mkdir(parents=True, exist_ok=True)
    # As the gateway's own: in another country digits have another font, columns another width and dates another form.
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(SETTINGS)
    waiting = [path for path in files if not (out / f"{path.stem}.{kind}").exists() and not (out / f"{path.stem}.failed").exists()]
    command = ["soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{profile}", "--convert-to", kind, "--outdir", str(out)]
    for start in range(0, len(waiting), 6):
        bounded(command + [str(path) for path in waiting[start:start + 6]], seconds=SECONDS * 2, memory=16 << 30)
    for path in waiting:
        if not (out / f"{path.stem}.{kind}").exists():
            bounded(command + [str(path)], memory=16 << 30)
        if not (out / f"{path.stem}.{kind}").exists():
            (out / f"{path.stem}.failed").write_text("")


def descriptions(path):
    """What pictures and objects of a document say that they show, each as often as it is said."""
    said = collections.Counter()
    try:
        archive = zipfile.ZipFile(path)
        for name in archive.namelist():
            if name.endswith(".xml"):
                said.update(html.unescape(text) for text in re.findall(r'\sdescr="([^"]*)"', archive.read(name).decode("utf-8", "replace")))
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError):
        pass
    return said


def sanitised(path, options, root, digest, family):
    """A file through the whole program."""
    extension = path.suffix.lower()
    # Extensions of other programs' own for a file that is what the ending of it says to LibreOffice.
    original = root / "originals" / f"{digest}{'.xls' if extension in ('.biff5', '.xls5') else extension}"
    if not original.exists():
        shutil.copyfile(path, original)
    out = root / "sanitised" / digest
    shutil.rmtree(out, ignore_errors=True)
    fact = {"input": str(path), "family": family, "digest": digest, "bytes": path.stat().st_size, "told": [], "foreign": path.suffix.lower()[1:] in FOREIGN}
    done = bounded([options.misogi, "sanitize", str(path), "-o", str(out), "--json"], seconds=SECONDS * 3, memory=64 << 30)
    lines = done.stdout.splitlines() if done else []
    if done is None or done.returncode not in (0, 1) or not lines:
        fact["crash"] = "no end" if done is None else (done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")[-300:]
        return fact
    report = json.loads(lines[0])
    fact["told"] = ["ok"] + [f"{each['reason']} {each['count']} {each.get('where') or ''}" for each in report["findings"]]
    made = pathlib.Path(report["output"] or "")
    became = made.suffix.lower()[1:]
    if report["verdict"] != "sanitised" or became not in FAMILY:
        fact["refused"] = " ".join([report["verdict"], report["detected_type"], *(each["reason"] for each in report["findings"][:1])])
        fact["crash"] = fact["refused"] if "room_crash" in fact["refused"] or "form_invalid" in fact["refused"] else None
        return {key: value for key, value in fact.items() if value is not None}
    output = root / "rebuilt" / f"{digest}.{PLAIN[FAMILY[became]]}"
    output.unlink(missing_ok=True)
    shutil.move(made, output)
    fact["micros"] = {"dirty_us": report["millis"] * 1000, "clean_us": 0}
    return fact | {"output": str(output), "original": str(original), "bytes_out": output.stat().st_size}


def rebuild(path, options, root):
    family = (FAMILY | FOREIGN)[path.suffix.lower()[1:]]
    digest = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()[:16]
    if options.misogi:
        return sanitised(path, options, root, digest, family)
    original, output = root / "originals" / f"{digest}.{PLAIN[family]}", root / "rebuilt" / f"{digest}.{PLAIN[family]}"
    output.unlink(missing_ok=True)
    if not original.exists():
        shutil.copyfile(path, original)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    fonts = [word for font in options.font or FONTS if pathlib.Path(font).exists() for word in ("--font", font)]
    done = bounded([options.rooms, str(path), str(output), *fonts])
    told = done.stdout.decode(errors="replace").splitlines() if done else []
    fact = {"input": str(path), "family": family, "digest": digest, "bytes": path.stat().st_size, "told": told[:40]}
    if done is None or done.returncode not in (0, 2) or not told:
        fact["crash"] = "no end" if done is None else (done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")[-300:]
    elif done.returncode == 2:
        fact["refused"] = told[0].removeprefix("refused ")
        if "form_invalid" in told[0]:
            fact["crash"] = told[0]
    else:
        words = told[0].split()
        fact["micros"] = {side: int(words[words.index(side) + 1]) for side in ("dirty_us", "clean_us")}
        fact |= {"output": str(output), "original": str(original), "bytes_out": output.stat().st_size}
    return fact


def look(fact, options, root):
    """Everything but pages."""
    output, original, family = fact["output"], fact["original"], fact["family"]
    fact["unsound"] = soundness(output)
    fact["opens"], why = python(READ, family, output)
    if fact["opens"] is None:
        fact["opens_original"], _ = python(READ, family, original)
        fact["reader_says"] = why
    active, why = python(ACTIVE, output)
    fact["active"] = json.loads(active) if active else [f"oletools: {why}"]
    if family == "x" and fact["opens"] is not None:
        cells, why = python(FOREIGN_CELLS if fact.get("foreign") else CELLS, original, output)
        fact["cells"] = json.loads(cells) if cells else None
    return fact


def pages(fact, options, root):
    sides = [root / "pdf" / side / f"{fact['digest']}.pdf" for side in ("before", "after")]
    if not sides[0].exists() or not sides[1].exists():
        fact["pdf"] = [side.exists() for side in sides]
        return fact
    shapes = [pdf_fidelity.shape(side, options.pages) for side in sides]
    fact["pages"] = [shapes[0][0], shapes[1][0]]
    fact["dpi"] = dpi = min(options.dpi, 1600 * 72 / max(shapes[0][1], shapes[1][1], 1))
    fresh = root / "drawn" / "after" / fact["digest"]
    shutil.rmtree(fresh, ignore_errors=True)
    before = pdf_fidelity.draw("poppler", sides[0], root / "drawn" / "before" / f"{fact['digest']}-{dpi:.0f}-{options.pages}", dpi, options.pages)
    after = pdf_fidelity.draw("poppler", sides[1], fresh, dpi, options.pages)
    fact["alike"] = []
    for number, picture in sorted(before.items()):
        if number in after:
            with Image.open(picture) as one, Image.open(after[number]) as other:
                one, other = one.convert("RGB"), other.convert("RGB")
                alike, _, lone = pdf_fidelity.similarity(one, other)
                fact["alike"].append([number, alike, lone, str(picture), str(after[number]), [one.size, other.size]])
        else:
            fact["alike"].append([number, 0.0, 0, str(picture), None, None])
    texts = [pdf_fidelity.text_of(side) for side in sides]
    if None not in texts:
        bags = [collections.Counter(c for c in text if not c.isspace()) for text in texts]
        fact["letters"] = sum(bags[0].values())
        fact["recall_on_pages"] = sum((bags[0] & bags[1]).values()) / fact["letters"] if fact["letters"] else None
        fact["more_letters"] = sum((bags[1] - bags[0]).values())
        said = descriptions(fact["output"]) - descriptions(fact["original"])
        for text, count in said.items():
            for c in unicodedata.normalize("NFKC", text):
                bags[1][c] += 0 if c.isspace() else count
        fact["recall"] = sum((bags[0] & bags[1]).values()) / fact["letters"] if fact["letters"] else None
        if fact["recall"] is not None and fact["recall"] < 1:
            words = [collections.Counter(text.split()) for text in texts]
            words[1].update(word for text in said for word in unicodedata.normalize("NFKC", text).split())
            fact["missing_letters"] = "".join(sorted((bags[0] - bags[1]).elements()))[:400]
            fact["missing_words"] = [[word, count] for word, count in (words[0] - words[1]).most_common(200)]
            fact["new_words"] = [[word, count] for word, count in (words[1] - words[0]).most_common(100)]
    return fact


def steady(fact, options, root):
    """Compares pages once more without what the original itself does not print alike twice."""
    printed = root / "pdf" / "again" / f"{fact['digest']}.pdf"
    if not printed.exists():
        return
    again = pdf_fidelity.draw("poppler", printed, root / "drawn" / "again" / f"{fact['digest']}-{fact['dpi']:.0f}-{options.pages}", fact["dpi"], options.pages)
    for page in fact["alike"]:
        number, alike, _, one, other, _ = page
        if alike >= STEADY or not other or number not in again:
            continue
        before, twice, after = (Image.open(path).convert("RGB") for path in (one, again[number], other))
        if not before.size == twice.size == after.size:
            continue
        moved = ImageChops.difference(before, twice).convert("L").point(lambda level: 255 * (level > 24))
        if not moved.getbbox():
            continue
        fact["restless"] = True
        # In squares, and those beside them: other digits stand a little beside where these stood.
        squares = moved.reduce(SQUARE).point(lambda level: 255 * (level > 0))
        for place, level in enumerate(squares.tobytes()):
            if level:
                x, y = place % squares.width * SQUARE, place // squares.width * SQUARE
                for picture in (before, after):
                    ImageDraw.Draw(picture).rectangle((x - SQUARE, y - SQUARE, x + 2 * SQUARE, y + 2 * SQUARE), fill="white")
        page[1], _, page[2] = pdf_fidelity.similarity(before, after)


def direct(fact, root):
    """How the output compares with what LibreOffice alone makes of the original."""
    made, printed = root / "direct" / pathlib.Path(fact["output"]).name, root / "pdf" / "direct" / f"{fact['digest']}.pdf"
    if not made.exists() or not printed.exists() or "pages" not in fact:
        return
    ours = root / "pdf" / "after" / f"{fact['digest']}.pdf"
    pages = max((number for number, *_ in fact["alike"]), default=0)
    shapes = [pdf_fidelity.shape(side, max(pages, 1)) for side in (printed, ours)]
    dpi = min(72.0, 1600 * 72 / max(shapes[0][1], shapes[1][1], 1))
    drawn = [pdf_fidelity.draw("poppler", side, root / "drawn" / f"direct-{name}" / fact["digest"], dpi, pages) for name, side in (("one", printed), ("other", ours))]
    fact["direct"] = {"pages": [shapes[0][0], shapes[1][0]], "alike": []}
    for number in sorted(drawn[0]):
        if number in drawn[1]:
            with Image.open(drawn[0][number]) as one, Image.open(drawn[1][number]) as other:
                fact["direct"]["alike"].append([number, pdf_fidelity.similarity(one.convert("RGB"), other.convert("RGB"))[0]])
    texts = [pdf_fidelity.text_of(side) for side in (printed, ours)]
    if None not in texts:
        bags = [collections.Counter(c for c in text if not c.isspace()) for text in texts]
        fact["direct"]["letters"], fact["direct"]["found"] = sum(bags[0].values()), sum((bags[0] & bags[1]).values())


def side_by_side(one, other, target):
    one = Image.open(one).convert("RGB")
    other = Image.open(other).convert("RGB") if other else Image.new("RGB", one.size, "grey")
    difference = ImageChops.invert(ImageChops.difference(one, other.resize(one.size)))
    sheet = Image.new("RGB", (one.width * 3 + 16, max(one.height, other.height)), (200, 200, 220))
    for place, picture in enumerate((one, other, difference)):
        sheet.paste(picture, (place * (one.width + 8), 0))
    sheet.thumbnail((2400, 1600))
    sheet.save(target)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directories", nargs="+", type=pathlib.Path)
    arguments.add_argument("--rooms", default="target/release/examples/office")
    arguments.add_argument("--misogi", help="the whole program, for what LibreOffice takes apart too")
    arguments.add_argument("--font", action="append", help="a font for the words of drawings; else those of Debian that are here")
    arguments.add_argument("--direct", action="store_true", help="compare also with what LibreOffice alone makes of old documents")
    arguments.add_argument("--only-foreign", action="store_true", help="only what LibreOffice takes apart first")
    arguments.add_argument("--pages", type=int, default=4, help="pages of each file that are drawn")
    arguments.add_argument("--dpi", type=float, default=72.0)
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--keep", type=pathlib.Path, help="outputs and drawings are kept here; originals are drawn once")
    arguments.add_argument("--list", type=int, default=20, help="how many of the worst are listed")
    arguments.add_argument("--no-pages", action="store_true", help="without LibreOffice")
    arguments.add_argument("--report", type=pathlib.Path, help="everything that was found, as JSON")
    options = arguments.parse_args()
    for tool in ["pdfinfo", "pdftoppm"] + [] if options.no_pages else ["soffice", "pdfinfo", "pdftoppm"]:
        if not shutil.which(tool):
            sys.exit(f"needs {tool}")
    for module in ("docx", "openpyxl", "pptx", "oletools"):
        if not importlib.util.find_spec(module):
            sys.exit(f"needs {module}")
    root = (options.keep or pathlib.Path(tempfile.mkdtemp(prefix="misogi-office-"))).resolve()
    for name in ("originals", "rebuilt", "sanitised", "worst"):
        (root / name).mkdir(parents=True, exist_ok=True)
    # Conversions of earlier outputs are of no use; those of originals are.
    for name in ("pdf/after", "drawn/after", "drawn/direct-other", "worst"):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "worst").mkdir()
    kinds = (FOREIGN if options.only_foreign else FAMILY | FOREIGN) if options.misogi else FAMILY
    files = sorted(p for d in options.directories for p in ([d] if d.is_file() else d.rglob("*")) if p.is_file() and p.suffix.lower()[1:] in kinds)
    started = time.monotonic()
    facts = [rebuild(path, options, root) for path in files]
    rebuilt = [fact for fact in facts if "output" in fact]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda fact: look(fact, options, root), rebuilt))
        if not options.no_pages:
            sides = [([pathlib.Path(fact[key]) for fact in rebuilt], root / "pdf" / side, root / f"profile-{side}")
                     for key, side in (("original", "before"), ("output", "after"))]
            list(pool.map(lambda side: to_pdf(*side), sides))
            list(pool.map(lambda fact: pages(fact, options, root), rebuilt))
            restless = [fact for fact in rebuilt if any(alike < STEADY for _, alike, *_ in fact.get("alike", []))]
            to_pdf([pathlib.Path(fact["original"]) for fact in restless], root / "pdf" / "again", root / "profile-again")
            list(pool.map(lambda fact: steady(fact, options, root), restless))
            if options.direct:
                converted = [fact for fact in rebuilt if fact.get("foreign")]
                for kind in PLAIN.values():
                    own = [fact for fact in converted if fact["output"].endswith(kind)]
                    to_pdf([pathlib.Path(fact["original"]) for fact in own], root / "direct", root / "profile-direct", kind)
                made = [path for fact in converted if (path := root / "direct" / pathlib.Path(fact["output"]).name).exists()]
                to_pdf(made, root / "pdf" / "direct", root / "profile-direct")
                list(pool.map(lambda fact: direct(fact, root), converted))

    print(f"{'':8} {'files':>6} {'rebuilt':>8} {'refused':>8} {'crash':>6}  reasons")
    for family, name in (("d", "Word"), ("x", "Excel"), ("p", "PowerP.")):
        own = [fact for fact in facts if fact["family"] == family]
        reasons = collections.Counter(" ".join(word for word in fact["refused"].split()[:3]) for fact in own if "refused" in fact)
        print(f"{name:8} {len(own):6} {sum('output' in f for f in own):8} {sum('refused' in f for f in own):8} {sum('crash' in f for f in own):6}  "
              + ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()))
    found = collections.Counter()
    for fact in rebuilt:
        found.update({line.split()[0] for line in fact["told"][1:] if line.strip()})
    print("findings, by files: " + ", ".join(f"{name} {count}" for name, count in found.most_common()))
    micros = [fact["micros"]["dirty_us"] + fact["micros"]["clean_us"] for fact in rebuilt]
    if micros:
        print(f"time in both rooms: median {sorted(micros)[len(micros) // 2] / 1000:.1f} ms, longest {max(micros) / 1000:.0f} ms; "
              f"{sum(f['bytes'] for f in rebuilt)} bytes in, {sum(f['bytes_out'] for f in rebuilt)} out")
    bad = [f"crash: {fact['input']}: {fact['crash']}" for fact in facts if "crash" in fact]
    bad += [f"unsound: {fact['input']}: {fact['unsound']}" for fact in rebuilt if fact["unsound"]]
    opened = sum(fact["opens"] is not None for fact in rebuilt)
    print(f"opened by python-docx, openpyxl, python-pptx: {opened} of {len(rebuilt)}")
    for fact in rebuilt:
        if fact["opens"] is None:
            line = f"does not open: {fact['input']}: {fact['reader_says']}" + (" (nor does the original)" if fact["opens_original"] is None else "")
            print(line)
            if fact["opens_original"] is not None:
                bad.append(line)
    silent = sum(not fact["active"] for fact in rebuilt)
    print(f"olevba, mraptor, oleobj and msodde find nothing: {silent} of {len(rebuilt)}")
    bad += [f"active: {fact['input']}: {fact['active']}" for fact in rebuilt if fact["active"]]
    books = [fact for fact in rebuilt if fact.get("cells")]
    cells, wrong = sum(f["cells"][0] for f in books), sum(f["cells"][1] for f in books)
    print(f"cells: {cells} in {len(books)} workbooks, {wrong} with another value, {sum(f['cells'][2] for f in books)} more than before")
    for fact in sorted(books, key=lambda f: -f["cells"][1])[:options.list]:
        if fact["cells"][1]:
            print(f"    {fact['cells'][1]} of {fact['cells'][0]}: {fact['input']}: {'; '.join(fact['cells'][3])}")

    drawn = [fact for fact in rebuilt if "pages" in fact]
    if drawn:
        for fact in rebuilt:
            if fact.get("pdf"):
                print(f"LibreOffice makes no PDF of {'the original' if not fact['pdf'][0] else 'the output'}: {fact['input']}")
        same = sum(fact["pages"][0] == fact["pages"][1] for fact in drawn)
        print(f"\npages by LibreOffice: {same} of {len(drawn)} have as many as before ({100 * same / len(drawn):.1f} %)")
        for fact in drawn:
            if fact["pages"][0] != fact["pages"][1]:
                print(f"    {fact['pages'][0]} -> {fact['pages'][1]}: {fact['input']}")
        looks = [(alike, lone, number, one, other, fact) for fact in drawn for number, alike, lone, one, other, _ in fact["alike"]]
        if looks:
            print(f"looks alike, first {options.pages} pages: {pdf_fidelity.spread([each[0] for each in looks], (0.999, 0.99, 0.95, 0.8))}")
            print(f"    of which {sum('restless' in fact for fact in drawn)} files do not look alike twice: what changes in them by itself is left out")
        looks.sort(key=lambda each: each[0])
        print(f"worst {options.list} pages")
        for place, (alike, lone, number, one, other, fact) in enumerate(looks[:options.list], 1):
            print(f"{place:3} {alike:.3f} alone {lone:4}  p{number} {fact['input']}  {' '.join(sorted({line.split()[0] for line in fact['told'][1:] if line.strip()}))}")
            if one:
                side_by_side(one, other, root / "worst" / f"{place:02}-{pathlib.Path(fact['input']).stem[:50]}-p{number}.png")
        texts = [fact for fact in drawn if fact.get("recall") is not None]
        letters = sum(f["letters"] for f in texts)
        if letters:
            print(f"\ntext found again: {100 * sum(f['recall'] * f['letters'] for f in texts) / letters:.3f} % of {letters} letters "
                  f"({100 * sum(f['recall_on_pages'] * f['letters'] for f in texts) / letters:.3f} % on the pages alone); all of it in "
                  f"{sum(f['recall'] == 1 for f in texts)} of {len(texts)} files")
            for fact in sorted(texts, key=lambda f: f["recall"])[:options.list]:
                if fact["recall"] < 1:
                    print(f"{fact['recall']:.4f} of {fact['letters']:6}, {fact['more_letters']} more  {fact['input']}  {' '.join(word for word, _ in fact['missing_words'])[:160]}")
    alone = [fact for fact in rebuilt if "direct" in fact]
    if alone:
        looks = [(alike, number, fact["input"]) for fact in alone for number, alike in fact["direct"]["alike"]]
        letters = sum(fact["direct"].get("letters", 0) for fact in alone)
        print(f"\nagainst what LibreOffice alone makes of {len(alone)} files: {sum(len(set(fact['direct']['pages'])) == 1 for fact in alone)} have as many pages; "
              f"{100 * sum(fact['direct'].get('found', 0) for fact in alone) / max(letters, 1):.3f} % of {letters} letters")
        print(f"looks alike: {pdf_fidelity.spread([each[0] for each in looks], (0.999, 0.99, 0.95, 0.8))}")
        for alike, number, name in sorted(looks)[:options.list]:
            if alike < 0.999:
                print(f"    {alike:.3f} p{number} {name}")
    print("\nlargest against the original")
    for fact in sorted(rebuilt, key=lambda f: f["bytes"] - f["bytes_out"])[:5]:
        print(f"x{fact['bytes_out'] / fact['bytes']:.2f} {fact['bytes']:9} -> {fact['bytes_out']:9}  {fact['input']}")
    print("slowest")
    for fact in sorted(rebuilt, key=lambda f: -sum(f["micros"].values()))[:5]:
        print(f"{fact['micros']['dirty_us'] / 1000:8.1f} + {fact['micros']['clean_us'] / 1000:.1f} ms  {fact['input']}")
    print(f"\n{len(files)} files in {time.monotonic() - started:.0f} s; kept in {root}")
    if options.report:
        options.report.write_text(json.dumps(facts, ensure_ascii=False, indent=1))
    for line in bad:
        print(line)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
