#!/usr/bin/env python3
"""Rebuilding of Word, Excel and PowerPoint files: processor time and memory through both rooms, beside LibreOffice's round trip.

    benches/office.py [DIR_OR_FILE...] [--rounds 1] [--core 0] [--cells 1000 10000 100000 1000000] [--misogi target/release/misogi]

For every round and file the tools run one after another in an order that turns, each pinned to one core, so that other load on the
machine falls on all alike: only ratios within one run mean anything. `misogi` is `misogi sanitize` of one file, start and end of the program
and of its rooms included; `rooms` is what both rooms take for that file once they run (`cargo build --release -p disarm --example office`);
`LibreOffice` loads the file and writes it in its own kind again, with a profile that was used before.
What LibreOffice takes to start and end is measured with a document of one word and shown apart. `CPU ms` is the time of the whole process
tree, ended children included. Only files that both rebuilt are summed. `XML` is what the archive's members of markup come to unpacked.

Then workbooks made here of numbers, dates, words and formulas, ten to a row: processor time for each cell and the most memory that one
process had, and the tree of processes together (sampled; shared pages count in each). The last has 60 MB of XML.

Needs python3 and, for the comparison, soffice; without it that column is left out.
"""
import argparse, pathlib, random, shutil, statistics, subprocess, sys, tempfile, zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pdf

KINDS = {"docx": ("docx", "docm", "dotx", "dotm"), "xlsx": ("xlsx", "xlsm", "xltx", "xltm"), "pptx": ("pptx", "pptm", "potx", "potm", "ppsx", "ppsm")}
KIND = {extension: kind for kind, extensions in KINDS.items() for extension in extensions}
FILTER = {"docx": "MS Word 2007 XML", "xlsx": "Calc MS Excel 2007 XML", "pptx": "Impress MS PowerPoint 2007 XML"}
WORDS = "市民課 住民票 転入届 戸籍 国民健康保険 介護保険 固定資産税 納付書 申請 添付書類 決裁 起案 総務部 情報政策課".split()
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def workbook(path, cells):
    """A workbook of so many cells; the bytes of its XML."""
    chance = random.Random(cells)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        + "".join(f'<Override PartName="/xl/{name}.xml" ContentType="{TYPE}.{kind}+xml"/>' for name, kind in
                  (("workbook", "sheet.main"), ("worksheets/sheet1", "worksheet"), ("styles", "styles"), ("sharedStrings", "sharedStrings"))) + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="台帳" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">' + "".join(
            f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}.xml"/>' for number, (kind, target) in
            enumerate((("worksheet", "worksheets/sheet1"), ("styles", "styles"), ("sharedStrings", "sharedStrings")), 1)) + "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><fonts count="1"><font><sz val="11"/><name val="游ゴシック"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    strings = max(10, cells // 50)
    size = sum(map(len, parts.values()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in parts.items():
            out.writestr(name, HEAD + text)
        with out.open("xl/sharedStrings.xml", "w") as part:
            part.write(f'{HEAD}<sst xmlns="{MAIN}" count="{strings}" uniqueCount="{strings}">'.encode())
            for number in range(strings):
                text = f"<si><t>{chance.choice(WORDS)}{chance.choice(WORDS)}{number}</t></si>".encode()
                size += part.write(text)
            part.write(b"</sst>")
        with out.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for row in range(1, cells // 10 + 1):
                own = [f'<c r="A{row}"><v>{row}</v></c><c r="B{row}" s="1"><v>{45000 + row % 900}</v></c>']
                own += [f'<c r="{column}{row}" t="s"><v>{chance.randrange(strings)}</v></c>' for column in "CDE"]
                own += [f'<c r="{column}{row}"><v>{chance.random() * 1e5:.2f}</v></c>' for column in "FGH"]
                own += [f'<c r="I{row}"><f>SUM(F{row}:H{row})</f><v>{chance.random() * 3e5:.2f}</v></c><c r="J{row}" t="str"><f>IF(I{row}&gt;0,"可","否")</f><v>可</v></c>']
                size += part.write(f'<row r="{row}" spans="1:10">{"".join(own)}</row>'.encode())
            part.write(b"</sheetData></worksheet>")
    return size


def markup_bytes(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist() if member.filename.endswith((".xml", ".rels", ".vml")))
    except (zipfile.BadZipFile, OSError):
        return 0


def sanitize(path, options):
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
        code, cpu, _, largest, tree = pdf.run([options.misogi, "sanitize", str(path), "-o", f"{scratch}/out", "--json"], options.core, options.timeout)
        made = [each for each in pathlib.Path(scratch, "out").glob("*.*") if each.suffix.lower()[1:] in KIND]
        return {"cpu": cpu, "largest": largest, "tree": tree, "done": bool(made)}


def in_rooms(path, options):
    """Processor seconds in both rooms: of six times in one process, less those of one time."""
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
        runs = [pdf.run([options.rooms, str(path), f"{scratch}/out", "--times", str(times)], options.core, options.timeout) for times in (6, 1)]
        return {"cpu": max(0.0, runs[0][1] - runs[1][1]) / 5, "done": pathlib.Path(scratch, "out").exists()}


def round_trip(path, kind, options, profile):
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
        # By the kind of the file, as its extension may be one that LibreOffice would open read-only or as a template.
        source = pathlib.Path(scratch, f"in.{kind}")
        shutil.copyfile(path, source)
        command = ["soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{profile}", "--convert-to", f"{kind}:{FILTER[kind]}", "--outdir", f"{scratch}/out", str(source)]
        _, cpu, _, largest, tree = pdf.run(command, options.core, options.timeout)
        return {"cpu": cpu, "largest": largest, "tree": tree, "done": pathlib.Path(scratch, "out", f"in.{kind}").exists()}


def one_word(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
        out.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="{kind}"/></Types>')
        out.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>')
        out.writestr("word/document.xml", '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>a</w:t></w:r></w:p></w:body></w:document>')


def compare(files, options, scratch):
    tools = {"misogi": lambda path, kind: sanitize(path, options)}
    if pathlib.Path(options.rooms).exists():
        tools["rooms"] = lambda path, kind: in_rooms(path, options)
    else:
        print(f"{options.rooms} does not exist; left out")
    start = 0.0
    if shutil.which("soffice") and not options.alone:
        profile = scratch / "profile"
        one_word(scratch / "one.docx")
        starts = [round_trip(scratch / "one.docx", "docx", options, profile) for _ in range(4)][1:]
        start = statistics.median(each["cpu"] for each in starts)
        tools["LibreOffice"] = lambda path, kind: round_trip(path, kind, options, profile)
    else:
        print("LibreOffice is left out")
    names, runs = list(tools), {}
    for number in range(options.rounds):
        for place, path in enumerate(files):
            turn = (number + place) % len(names)
            for name in names[turn:] + names[:turn]:
                runs.setdefault((path, name), []).append(tools[name](path, KIND[path.suffix.lower()[1:]]))
    good = [path for path in files if all(each["done"] for name in names for each in runs[path, name])]
    lost = {name: sum(not all(each["done"] for each in runs[path, name]) for path in files) for name in names}
    print(f"\n{len(good)} of {len(files)} files rebuilt by all ({', '.join(f'{name} not {count}' for name, count in lost.items() if count) or 'none failed'})")
    for kind in [*KINDS, "all"]:
        own = [path for path in good if kind in ("all", KIND[path.suffix.lower()[1:]])]
        if not own:
            continue
        markup = sum(map(markup_bytes, own))
        print(f"\n{kind}: {len(own)} files, {sum(path.stat().st_size for path in own)} bytes, {markup / 1e6:.1f} MB XML")
        print(f"  {'':28} {'CPU ms/file':>12} {'median':>8} {'p90':>8} {'longest':>8} {'MB XML/CPU s':>13} {'to misogi':>10} {'to rooms':>9} {'largest MB':>11} {'tree MB':>8}")
        costs = {name: [statistics.median(each["cpu"] for each in runs[path, name]) for path in own] for name in names}
        if start:
            costs["LibreOffice without start"] = [max(0.0, cost - start) for cost in costs["LibreOffice"]]
        for name, all_costs in costs.items():
            total = max(sum(all_costs), 1e-9)
            base, rooms = sum(costs["misogi"]), sum(costs.get("rooms", [0]))
            memory = [each for path in own for each in runs.get((path, name), []) if "largest" in each]
            told = f"{max(each['largest'] for each in memory) / 2**20:11.0f} {max(each['tree'] for each in memory) / 2**20:8.0f}" if memory else ""
            print(f"  {name:28} {1000 * total / len(own):12.1f} {1000 * statistics.median(all_costs):8.1f} {1000 * sorted(all_costs)[len(own) * 9 // 10]:8.1f} {1000 * max(all_costs):8.1f} {markup / 1e6 / total:13.1f} "
                  f"{total / base:10.1f} {total / rooms if rooms else 0:9.1f} {told}")
    if start:
        print(f"\nLibreOffice's start and end: {1000 * start:.0f} CPU ms")
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as out:
        _, cpu, _, largest, tree = pdf.run([options.misogi, "sanitize", *map(str, good), "-o", f"{out}/out", "--json"], options.core, options.timeout * len(files))
        markup = sum(map(markup_bytes, good))
        print(f"misogi, {len(good)} files in one call: {1000 * cpu / max(1, len(good)):.1f} CPU ms a file, {markup / 1e6 / cpu:.1f} MB XML/CPU s, largest {largest / 2**20:.0f} MB, tree {tree / 2**20:.0f} MB")
    if "rooms" in names:
        print("slowest in the rooms: " + ", ".join(f"{1000 * cost:.0f} ms {path.name}" for cost, path in sorted(((runs[path, 'rooms'][0]['cpu'], path) for path in good), reverse=True)[:8]))


def slope(options, scratch):
    print("\nworkbooks made here (the median of the rounds)")
    print(f"  {'cells':>9} {'MB XML':>7} {'MB file':>8} {'CPU ms':>9} {'us/cell':>8} {'MB XML/CPU s':>13} {'rooms ms':>9} {'us/cell':>8} {'MB XML/CPU s':>13} {'largest MB':>11} {'tree MB':>8}")
    for cells in options.cells:
        path = scratch / f"cells-{cells}.xlsx"
        markup = workbook(path, cells) / 1e6
        runs = [sanitize(path, options) for _ in range(options.rounds)]
        rooms = in_rooms(path, options)["cpu"] if pathlib.Path(options.rooms).exists() else 0
        if not all(each["done"] for each in runs):
            print(f"  {cells:9} {markup:7.1f} failed")
            continue
        cpu = statistics.median(each["cpu"] for each in runs)
        print(f"  {cells:9} {markup:7.1f} {path.stat().st_size / 1e6:8.2f} {1000 * cpu:9.1f} {1e6 * cpu / cells:8.2f} {markup / cpu:13.1f} {1000 * rooms:9.1f} {1e6 * rooms / cells:8.2f} {markup / rooms if rooms else 0:13.1f} "
              f"{max(each['largest'] for each in runs) / 2**20:11.0f} {max(each['tree'] for each in runs) / 2**20:8.0f}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("paths", nargs="*", type=pathlib.Path, help="Office files, or directories of them")
    arguments.add_argument("--misogi", default="target/release/misogi")
    arguments.add_argument("--rooms", default="target/release/examples/office")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--core", type=int, default=0)
    arguments.add_argument("--timeout", type=float, default=120)
    arguments.add_argument("--alone", action="store_true", help="without LibreOffice")
    arguments.add_argument("--cells", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000, 1_500_000])
    options = arguments.parse_args()
    if not pathlib.Path(options.misogi).exists():
        sys.exit(f"{options.misogi} does not exist; build it: cargo build --release")
    files = sorted(each for path in options.paths for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file() and each.suffix.lower()[1:] in KIND)
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
        if files:
            compare(files, options, pathlib.Path(scratch))
        slope(options, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
