#!/usr/bin/env python3
"""Rebuilds every PDF of some directories with `misogi sanitize` and compares what comes out with what went in.

    tests/pdf_fidelity.py DIR... [--misogi target/release/misogi] [--pages 3] [--keep OUT] [--worst OUT/worst] [--report FILE]

Printed: verdicts and reasons, page levels, `qpdf --check` of every output, how alike the first pages look when other engines draw both
sides (poppler, MuPDF, pdfium; whichever are here, two at least), how much of the text `pdftotext` finds again, time, size, room verdicts,
and the worst twenty pages and texts. The worst pages are written as pictures, original | rebuilt | difference, one row per engine.
A page's figure is the median over the engines (the mean of two): one of them drawing the original wrong does not make a page bad.

Exit code 1 when the program ended abnormally or gave no report on an input, a room crashed, or an output fails `qpdf --check`;
how alike pages look decides nothing, it is for people to read.

Files are taken by content (`%PDF-` in the first KiB) or by extension. Passwords come from --password and, where a MANIFEST.tsv lies in
a directory or its parent, from `password=` in its notes. Originals are drawn once and kept under --keep.

Needs poppler-utils, qpdf, mupdf-tools or pypdfium2; Pillow and numpy; the rest is the standard library.
"""
import argparse, collections, concurrent.futures, csv, functools, hashlib, importlib.util, json, pathlib, re, resource, shutil, statistics
import subprocess, sys, tempfile, time, unicodedata

try:
    import numpy
    from PIL import Image, ImageChops, ImageDraw
except ImportError as missing:
    sys.exit(f"{missing}: this script compares pictures and needs Pillow and numpy")

CRASHES = {"room_crash", "room_policy_kill", "room_protocol", "form_invalid", "room_killed"}
LONGEST_SIDE = 1600
SECONDS = 90
MEMORY = 4 << 30

PDFIUM = """
import sys, pypdfium2
path, out, scale, last, password = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
document = pypdfium2.PdfDocument(path, password=password or None)
try:
    document.init_forms()
except Exception:
    pass
for number in range(min(last, len(document))):
    document[number].render(scale=scale).to_pil().convert('RGB').save(f'{out}{number + 1:06}.ppm')
"""


def bounded(command, **more):
    """Runs a tool on a hostile file: bounded in time and memory; None when it did not end."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, preexec_fn=limit, **more)
    except subprocess.TimeoutExpired:
        return None


# Each draws pages 1 to `last` into files that begin with `out`, the crop box, annotations and fields included.
ENGINES = {
    "poppler": lambda path, out, dpi, last: ["pdftoppm", "-cropbox", "-r", f"{dpi:.3f}", "-f", "1", "-l", str(last), path, out],
    "mupdf": lambda path, out, dpi, last: ["mutool", "draw", "-q", "-r", f"{dpi:.3f}", "-F", "ppm", "-c", "rgb", "-o", f"{out}%06d.ppm", path, f"1-{last}"],
    "pdfium": lambda path, out, dpi, last: [sys.executable, "-c", PDFIUM, path, out, str(dpi / 72), str(last), ""],
}


def engines_here():
    here = []
    if shutil.which("pdftoppm"):
        here.append("poppler")
    if shutil.which("mutool"):
        here.append("mupdf")
    if importlib.util.find_spec("pypdfium2"):
        here.append("pdfium")
    return here


def is_pdf(path):
    if path.suffix.lower() == ".pdf":
        return True
    with open(path, "rb") as file:
        return b"%PDF-" in file.read(1024)


def passwords_near(directory):
    """{file: passwords} of the manifest that lies in the directory or above it."""
    found = {}
    for root in (directory, directory.parent):
        manifest = root / "MANIFEST.tsv"
        if manifest.exists():
            with open(manifest, newline="") as lines:
                for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                    words = [word.strip("'\"") for word in re.findall(r"password=([^\s;,]+)", row.get("note") or "")]
                    if words:
                        found[(root / row["path"]).resolve()] = words
    return found


def sanitise(misogi, files, out, passwords_of, batch=12):
    """A report per input. One batch that dies costs the reports of that batch only."""
    reports, complaints, cpu = {}, [], 0.0
    groups = collections.defaultdict(list)
    for path in files:
        groups[path.parent].append(path)
    for number, (parent, members) in enumerate(sorted(groups.items())):
        for start in range(0, len(members), batch):
            some = members[start:start + batch]
            words = list(dict.fromkeys(word for path in some for word in passwords_of(path)))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = subprocess.run([misogi, "sanitize", *map(str, some), "-o", str(out / f"{number}"), "--json",
                                  *(argument for word in words for argument in ("--password", word))], capture_output=True, timeout=SECONDS * batch)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            for line in run.stdout.splitlines():
                report = json.loads(line)
                reports[report["input"]] = report
            if run.returncode not in (0, 1):
                complaints.append(f"exit code {run.returncode} in {parent}: {run.stderr.decode(errors='replace')[-500:].strip()}")
    missing = [str(path) for path in files if str(path) not in reports]
    if missing:
        complaints.append(f"no report on {len(missing)} files: {' '.join(missing[:10])}")
    return reports, complaints, cpu


def every(report):
    yield report
    for child in report.get("children", []):
        yield from every(child)


def summed(findings):
    counts = collections.Counter()
    for finding in findings:
        counts[finding["reason"]] += finding.get("count", 1)
    return [reason + (f" x{count}" if count > 1 else "") for reason, count in counts.items()]


def readable(path, scratch, passwords):
    """The file itself, or a decrypted copy where no tool would open it: (path, encrypted)."""
    info = bounded(["pdfinfo", str(path)])
    if info and b"Incorrect password" in info.stderr:
        for password in passwords:
            copy = scratch / "decrypted.pdf"
            done = bounded(["qpdf", "--decrypt", f"--password={password}", str(path), str(copy)])
            if done and done.returncode in (0, 3) and copy.exists():
                return copy
    return path


def shape(path, last):
    """Page count and the longest side in points of the first pages, by poppler; (0, 0) when it cannot read the file."""
    info = bounded(["pdfinfo", "-f", "1", "-l", str(last), str(path)])
    text = info.stdout.decode(errors="replace") if info else ""
    pages = re.search(r"^Pages:\s+(\d+)", text, re.M)
    sides = [float(side) for sizes in re.findall(r"^Page\s+\d+\s+size:\s+([\d.]+) x ([\d.]+)", text, re.M) for side in sizes]
    return (int(pages[1]) if pages else 0), max(sides, default=0.0)


def draw(engine, path, out, dpi, last):
    """Pages 1..last as {number: file}. What is there already is not drawn again."""
    out.mkdir(parents=True, exist_ok=True)
    done = out / f"{engine}.done"
    if not done.exists():
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            bounded(ENGINES[engine](str(path), f"{scratch}/", dpi, last))
            for picture in pathlib.Path(scratch).iterdir():
                number = int(re.search(r"(\d+)\.ppm$", picture.name)[1]) if re.search(r"\d+\.ppm$", picture.name) else 0
                try:
                    with Image.open(picture) as drawn:
                        drawn.convert("RGB").save(out / f"{engine}-{number}.png", compress_level=1)
                except Exception:  # a tool that was stopped leaves half a picture
                    pass
        done.write_text("")
    return {int(p.stem.rsplit("-", 1)[1]): p for p in out.glob(f"{engine}-*.png")}


def blocks(plane, size=8):
    high, wide = (side - side % size for side in plane.shape)
    return plane[:high, :wide].reshape(high // size, size, wide // size, size).swapaxes(1, 2).reshape(-1, size * size)


def similarity(one, other):
    """Of the blocks in which either picture shows anything: mean structural similarity, mean difference of colour in 255ths, and how many
    blocks show something clearly in one picture and nothing in the other, as a line of text that is missing or stands twice does."""
    if one.size != other.size:
        other = other.resize(one.size, Image.BOX)
    half = (max(8, one.width // 2), max(8, one.height // 2))
    a, b = (numpy.asarray(picture.resize(half, Image.BOX), dtype=numpy.float32) for picture in (one, other))
    scores, shades, inked = [], [], None
    for colour in range(3):
        x, y = blocks(a[:, :, colour]), blocks(b[:, :, colour])
        mx, my, vx, vy = x.mean(1), y.mean(1), x.var(1), y.var(1)
        cov = (x * y).mean(1) - mx * my
        scores.append((2 * mx * my + 6.5025) * (2 * cov + 58.5225) / ((mx * mx + my * my + 6.5025) * (vx + vy + 58.5225)))
        shades.append(abs(mx - my))
        shown = (vx > 4) | (vy > 4) | (abs(mx - my) > 4) | (mx < 250) | (my < 250)
        inked = shown if inked is None else inked | shown
    if not inked.any():
        return 1.0, 0.0, 0
    grey = [blocks(picture.mean(2)) for picture in (a, b)]
    plain, drawn = [g.max(1) - g.min(1) < 16 for g in grey], [g.max(1) - g.min(1) > 64 for g in grey]
    alone = int(((plain[0] & drawn[1]) | (plain[1] & drawn[0])).sum())
    return float(numpy.mean(scores, axis=0)[inked].mean()), float(numpy.mean(shades, axis=0)[inked].mean()), alone


def text_of(path):
    done = bounded(["pdftotext", "-q", "-nopgbrk", str(path), "-"])
    return unicodedata.normalize("NFKC", done.stdout.decode(errors="replace")) if done and done.returncode == 0 else None


def recall(original, rebuilt):
    """Share of the things of the first bag that are in the second; None for an empty bag."""
    wanted, have = collections.Counter(original), collections.Counter(rebuilt)
    return sum((wanted & have).values()) / wanted.total() if wanted else None


def letters(text):
    return [c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cn")]


def compare(path, report, options, engines, scratch_root, passwords):
    """What can be said of one file; `pages` holds (number, {engine: similarity})."""
    fact = {"input": str(path), "bytes": path.stat().st_size, "verdict": report["verdict"], "millis": report["millis"],
            "levels": report.get("page_levels"), "page_count": report.get("pages"), "own": (report.get("fidelity") or {}).get("similarity"),
            "findings": summed(report["findings"]),
            "crashes": [f["reason"] for part in every(report) for f in part["findings"] if f["reason"] in CRASHES], "pages": []}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:24]
    kept = scratch_root / "originals" / digest
    kept.mkdir(parents=True, exist_ok=True)
    source = readable(path, kept, passwords)
    if report["verdict"] != "sanitised" or report.get("output_type") != "application/pdf":
        fact["opened_by"] = [engine for engine in engines if draw(engine, source, kept / "any", 24, 1)]
        return fact
    output = pathlib.Path(report["output"])
    fact |= {"output": str(output), "bytes_out": output.stat().st_size}
    check = bounded(["qpdf", "--check", str(output)])
    fact["qpdf"] = {0: "clean", 3: "warnings", None: "no end"}.get(check and check.returncode, "errors")
    if fact["qpdf"] != "clean" and check:
        fact["qpdf_says"] = (check.stderr + check.stdout).decode(errors="replace")[-300:]
    pages, side = shape(source, options.pages)
    pages_out, side_out = shape(output, options.pages)
    fact |= {"pages_in": pages, "pages_out": pages_out}
    dpi = min(options.dpi, LONGEST_SIDE * 72 / max(side, side_out, 1))
    fresh = scratch_root / "rebuilt" / digest
    shutil.rmtree(fresh, ignore_errors=True)
    drawn, shades, alone = {}, {}, {}
    for engine in engines:
        before = draw(engine, source, kept / f"{dpi:.1f}-{options.pages}", dpi, options.pages)
        after = draw(engine, output, fresh, dpi, options.pages)
        for number, picture in before.items():
            if number in after:
                with Image.open(picture) as one, Image.open(after[number]) as other:
                    alike, shade, lone = similarity(one.convert("RGB"), other.convert("RGB"))
                    drawn.setdefault(number, {})[engine], shades.setdefault(number, {})[engine], alone.setdefault(number, {})[engine] = alike, shade, lone
                    if one.size != other.size and max(abs(one.width - other.width), abs(one.height - other.height)) > 2:
                        fact.setdefault("resized", {})[number] = [one.size, other.size]
            elif not fact["pages_out"] or number <= fact["pages_out"]:
                drawn.setdefault(number, {})[engine] = 0.0
    fact["pages"], fact["shades"] = sorted(drawn.items()), {number: figure(by_engine) for number, by_engine in shades.items()}
    fact["alone"] = {number: figure(by_engine) for number, by_engine in alone.items()}
    fact["drawn"] = {"before": str(kept / f"{dpi:.1f}-{options.pages}"), "after": str(fresh)}
    before, after = text_of(source), text_of(output)
    if before is not None and after is not None:
        fact["characters"] = len(letters(before))
        fact["recall"] = recall(letters(before), letters(after))
        fact["words"] = recall(before.split(), after.split())
        controls = lambda text: sum(unicodedata.category(c) == "Cc" and not c.isspace() for c in text)
        fact["controls"] = max(0, controls(after) - controls(before))
        fact["more_text"] = 1 - (recall(letters(after), letters(before)) or 1.0)
    return fact


def figure(scores):
    return statistics.median(scores.values())


def spread(values, edges):
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    told = "  ".join(f">={edge}: {100 * sum(v >= edge for v in values) / len(values):.1f} %" for edge in edges)
    return f"n={len(values)} median {statistics.median(values):.4f}  p10 {at(0.10):.4f}  p1 {at(0.01):.4f}  {told}"


def side_by_side(fact, number, scores, engines, target):
    rows = []
    for engine in engines:
        sides = [pathlib.Path(fact["drawn"][side]) / f"{engine}-{number}.png" for side in ("before", "after")]
        if sides[0].exists():
            one = Image.open(sides[0]).convert("RGB")
            other = Image.open(sides[1]).convert("RGB") if sides[1].exists() else Image.new("RGB", one.size, "grey")
            same = other if other.size == one.size else other.resize(one.size, Image.BOX)
            rows.append((engine, [one, other, ImageChops.invert(ImageChops.difference(one, same))]))
    if not rows:
        return None
    # Most of a page is usually the same and white: only what differs is shown, with what lies around it.
    around = [inverted.getbbox() for inverted in (ImageChops.invert(pictures[2]).point(lambda v: 255 if v > 24 else 0) for _, pictures in rows)]
    around = [box for box in around if box]
    if around:
        left, top, right, bottom = min(b[0] for b in around) - 40, min(b[1] for b in around) - 40, max(b[2] for b in around) + 40, max(b[3] for b in around) + 40
        for _, pictures in rows:
            pictures[:] = [p.crop((max(0, left), max(0, top), min(p.width, max(right, left + 300)), min(p.height, max(bottom, top + 60)))) for p in pictures]
    gap, head = 8, 16
    wide = max(sum(p.width + gap for p in pictures) for _, pictures in rows)
    high = sum(max(p.height for p in pictures) + gap + head for _, pictures in rows)
    sheet = Image.new("RGB", (wide, high), (200, 200, 220))
    pen, top = ImageDraw.Draw(sheet), 0
    for engine, pictures in rows:
        pen.text((4, top + 2), f"{engine} {scores.get(engine, 0):.3f}   original | rebuilt | difference", fill="black")
        left = 0
        for picture in pictures:
            sheet.paste(picture, (left, top + head))
            left += picture.width + gap
        top += max(p.height for p in pictures) + gap + head
    sheet.thumbnail((2000, 2400))
    sheet.save(target)
    return target


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directories", nargs="+", type=pathlib.Path)
    arguments.add_argument("--misogi", default="target/release/misogi")
    arguments.add_argument("--pages", type=int, default=3, help="pages of each file that are drawn")
    arguments.add_argument("--dpi", type=float, default=96.0)
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--password", action="append", default=[])
    arguments.add_argument("--keep", type=pathlib.Path, help="outputs and drawings are kept here")
    arguments.add_argument("--worst", type=pathlib.Path, help="directory for the pictures of the worst pages (default KEEP/worst)")
    arguments.add_argument("--list", type=int, default=20, help="how many of the worst are listed")
    arguments.add_argument("--report", type=pathlib.Path, help="everything that was found, as JSON")
    options = arguments.parse_args()
    engines = engines_here()
    if len(engines) < 2 or not shutil.which("qpdf"):
        sys.exit(f"needs qpdf and two of pdftoppm, mutool, pypdfium2; found {engines}")
    root = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="misogi-pdf-"))
    worst = options.worst or root / "worst"
    files = sorted(p for d in options.directories for p in ([d] if d.is_file() else d.rglob("*")) if p.is_file() and is_pdf(p))
    known = {path: words for d in options.directories for path, words in passwords_near(d.resolve()).items()}
    passwords_of = lambda path: options.password + known.get(path.resolve(), [])
    if (root / "out").exists():
        shutil.rmtree(root / "out")
    started = time.monotonic()
    reports, complaints, cpu = sanitise(options.misogi, files, root / "out", passwords_of)
    took = time.monotonic() - started
    work = functools.partial(compare, options=options, engines=engines, scratch_root=root)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        facts = list(pool.map(lambda path: work(path, reports[str(path)], passwords=passwords_of(path)), [p for p in files if str(p) in reports]))

    print(f"{'directory':24} {'files':>5} {'out':>5} {'held':>5} {'V':>6} {'R+T':>5} {'R':>5} {'qpdf!':>5} {'slowest':>8}  reasons withheld")
    by_parent = collections.defaultdict(list)
    for fact in facts:
        by_parent[pathlib.Path(fact["input"]).parent].append(fact)
    for parent, members in sorted(by_parent.items()):
        levels, reasons = collections.Counter(), collections.Counter()
        for fact in members:
            levels.update(fact["levels"] or {})
            if fact["verdict"] != "sanitised":
                reasons[fact["findings"][0] if fact["findings"] else "?"] += 1
        held = sum(fact["verdict"] != "sanitised" for fact in members)
        print(f"{str(parent)[-24:]:24} {len(members):5} {len(members) - held:5} {held:5} {levels['vector']:6} {levels['raster_text']:5} {levels['raster']:5} "
              f"{sum(fact.get('qpdf', 'clean') != 'clean' for fact in members):5} {max(f['millis'] for f in members):5} ms  "
              + ", ".join(f"{name} {count}" for name, count in reasons.most_common()))
    rebuilt = [fact for fact in facts if "output" in fact]
    print(f"\n{len(files)} files in {took:.1f} s, {cpu:.1f} s of processor time; {sum(f['bytes'] for f in rebuilt)} bytes in, "
          f"{sum(f['bytes_out'] for f in rebuilt)} out; larger than the original: {sum(f['bytes_out'] > f['bytes'] for f in rebuilt)} of {len(rebuilt)}")
    print("qpdf --check: " + ", ".join(f"{what} {count}" for what, count in collections.Counter(f["qpdf"] for f in rebuilt).items()))
    for fact in rebuilt:
        if fact["qpdf"] != "clean":
            print(f"    {fact['input']}: {fact.get('qpdf_says', '')}")
    changed = collections.Counter(reason.split(" x")[0] for fact in rebuilt for reason in fact["findings"])
    print("findings on what was rebuilt: " + ", ".join(f"{name} {count}" for name, count in changed.most_common()))
    for fact in facts:
        if fact["verdict"] != "sanitised":
            print(f"withheld: {fact['input']} ({fact['findings'][0] if fact['findings'] else '?'}); opened by {', '.join(fact.get('opened_by', [])) or 'nothing else'}")
    for fact in facts:
        complaints += [f"{reason}: {fact['input']}" for reason in fact["crashes"]]
        if fact.get("pages_in") and fact["pages_in"] != fact["pages_out"]:
            print(f"pages: {fact['input']} has {fact['pages_in']}, rebuilt {fact['pages_out']}")
        for number, sizes in fact.get("resized", {}).items():
            print(f"page size: {fact['input']} p{number} {tuple(sizes[0])} -> {tuple(sizes[1])}")

    pages = [(fact, number, scores) for fact in rebuilt for number, scores in fact["pages"]]
    print(f"\nlooks alike, first {options.pages} pages of each")
    for engine in engines:
        values = [scores[engine] for _, _, scores in pages if engine in scores]
        if values:
            print(f"{engine:8} {spread(values, (0.99, 0.95, 0.8))}")
    blind = sum(fact["own"] is not None and fact["own"] >= 0.95 and figure(scores) < 0.8 for fact, _, scores in pages)
    if pages:
        print(f"pages below 0.8 in files to which our own figure gives 0.95 or more: {blind}")
        print(f"{'median':8} {spread([figure(scores) for _, _, scores in pages], (0.99, 0.95, 0.8))}")
    pages.sort(key=lambda item: figure(item[2]))
    shutil.rmtree(worst, ignore_errors=True)
    worst.mkdir(parents=True, exist_ok=True)
    print(f"\nworst {options.list} pages (own: the figure in our report)")
    for place, (fact, number, scores) in enumerate(pages[:options.list], 1):
        name = pathlib.Path(fact["input"]).name
        picture = side_by_side(fact, number, scores, engines, worst / f"{place:02}-p{number}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:60]}.png")
        own = "-" if fact["own"] is None else f"{fact['own']:.3f}"
        print(f"{place:3} {figure(scores):.3f}  " + " ".join(f"{e} {scores[e]:.3f}" for e in engines if e in scores)
              + f"  own {own}  p{number} {fact['input']}  {' '.join(fact['findings'])}" + ("" if picture else "  (no picture)"))

    print("\nmost drawn on one side only: blocks of 16 x 16 pixels")
    lonely = sorted(((count, number, fact) for fact in rebuilt for number, count in fact["alone"].items() if count), key=lambda item: -item[0])
    for place, (count, number, fact) in enumerate(lonely[:options.list], 1):
        print(f"{count:6.0f}  p{number} {fact['input']}")
        name = re.sub(r"[^A-Za-z0-9._-]", "_", pathlib.Path(fact["input"]).name)[:60]
        side_by_side(fact, number, dict(fact["pages"])[number], engines, worst / f"alone-{place:02}-p{number}-{name}.png")
    print("\nlargest differences of colour, mean of the shown part in 255ths")
    shaded = sorted(((shade, number, fact) for fact in rebuilt for number, shade in fact["shades"].items()), key=lambda item: -item[0])
    for shade, number, fact in shaded[:options.list // 2]:
        print(f"{shade:6.2f}  p{number} {fact['input']}")

    texts = [fact for fact in rebuilt if fact.get("recall") is not None]
    if texts:
        total = sum(f["characters"] for f in texts)
        print(f"\ntext found again (pdftotext, NFKC), {len(texts)} files with text, {total} characters, "
              f"{100 * sum(f['recall'] * f['characters'] for f in texts) / total:.2f} % of them")
        print(f"{'letters':8} {spread([f['recall'] for f in texts], (0.999, 0.99, 0.9))}")
        print(f"{'words':8} {spread([f['words'] for f in texts], (0.99, 0.9, 0.5))}")
        print(f"\nworst {options.list} texts")
        for fact in sorted(texts, key=lambda f: (f["recall"], -f["characters"]))[:options.list]:
            print(f"{fact['recall']:.4f} of {fact['characters']:7} letters, words {fact['words']:.4f}  {fact['input']}  {' '.join(fact['findings'])}")
        print("control characters in the text that are not in the original's: "
              + (", ".join(f"{pathlib.Path(f['input']).name} {f['controls']}" for f in texts if f["controls"]) or "none"))
        print("\ntext that the original does not show to pdftotext")
        for fact in sorted(texts, key=lambda f: -f["more_text"])[:options.list // 2]:
            print(f"{fact['more_text']:.4f}  {fact['input']}  {' '.join(fact['findings'])}")
    print("\nlargest against the original")
    for fact in sorted(rebuilt, key=lambda f: f["bytes"] - f["bytes_out"])[:options.list // 2]:
        print(f"x{fact['bytes_out'] / fact['bytes']:.2f} {fact['bytes']:9} -> {fact['bytes_out']:9}  {fact['input']}")
    print("\nslowest")
    for fact in sorted(facts, key=lambda f: -f["millis"])[:options.list // 2]:
        print(f"{fact['millis']:7} ms {fact['page_count'] or 0:5} pages  {fact['verdict']}  {fact['input']}")
    print(f"\npictures of the worst pages: {worst}")
    if options.report:
        options.report.write_text(json.dumps(facts, ensure_ascii=False, indent=1))
    bad = [fact for fact in rebuilt if fact["qpdf"] not in ("clean", "warnings")]
    for complaint in complaints:
        print(complaint)
    if not options.keep:
        shutil.rmtree(root / "originals", ignore_errors=True)
        shutil.rmtree(root / "rebuilt", ignore_errors=True)
    sys.exit(1 if complaints or bad else 0)


if __name__ == "__main__":
    main()
