#!/usr/bin/env python3
"""Conversion of PDF files: processor time, size and memory of `misogi sanitize` beside other tools that write a PDF or pixels of it.

    benches/pdf.py [DIR_OR_FILE...] [--rounds 3] [--core 0] [--venv DIR [--install]] [--misogi target/release/misogi]

The inputs are made here (Japanese text with an embedded font, slides, charts, photo scans, fax scans, one page, a thousand pages) and put
under --inputs; directories and files on the command line come on top. For every round and input the tools run one after another in
an order that turns, each pinned to one core, so that other load on the machine falls on all alike: only ratios within one run mean
anything. `CPU ms/page` is the time of the whole process tree, ended children and the start of the program included (median of the
rounds); `pages/s` is what that makes on one core; `size` is bytes out to bytes in; `largest` and `tree` are the most memory of one process
and of all processes of the tool together (sampled; shared pages count in each).

`misogi` runs as it is shipped, with the figure for how alike the pages look; `misogi, plain` leaves that figure out, as the peers have none.

Needs python3 and what it compares with: poppler-utils, mupdf-tools, qpdf, ghostscript. Python packages (PyMuPDF as pinned by Dangerzone,
pypdfium2, img2pdf, reportlab, Pillow, numpy) are looked for in --venv, which --install makes; nothing is installed otherwise. A tool
that is missing is named and left out. A TrueType font with Japanese is needed for the inputs (fonts-ipafont-gothic, or --font).
"""
import argparse, collections, json, os, pathlib, resource, shutil, signal, statistics, subprocess, sys, tempfile, threading, time

PACKAGES = ["pymupdf==1.27.2.3", "pypdfium2", "img2pdf", "reportlab", "pillow", "numpy"]

# Dangerzone: PyMuPDF renders at 150 dpi, raw RGB goes through a pipe, the other side stores it without loss, one PDF.
DANGERZONE = """
import subprocess, sys
if sys.argv[1] == 'pixels':
    import pymupdf
    document, out = pymupdf.open(sys.argv[2]), sys.stdout.buffer
    out.write(document.page_count.to_bytes(2, 'big'))
    for page in document:
        p = page.get_pixmap(dpi=150)
        out.write(p.width.to_bytes(2, 'big') + p.height.to_bytes(2, 'big'))
        out.write(p.samples_mv)
else:
    import pymupdf
    worker = subprocess.Popen([sys.executable, '-c', sys.argv[3], 'pixels', sys.argv[1]], stdout=subprocess.PIPE)
    out, r = pymupdf.Document(), worker.stdout
    for _ in range(int.from_bytes(r.read(2), 'big')):
        w, h = int.from_bytes(r.read(2), 'big'), int.from_bytes(r.read(2), 'big')
        pixmap = pymupdf.Pixmap(pymupdf.Colorspace(pymupdf.CS_RGB), w, h, r.read(w * h * 3), False)
        pixmap.set_dpi(150, 150)
        one = pymupdf.Document()
        one.insert_file(pixmap)
        out.insert_pdf(pymupdf.open('pdf', one.tobytes(deflate_images=True)))
    out.save(sys.argv[2])
    sys.exit(worker.wait())
"""
PDFIUM = """
import io, sys, img2pdf, pypdfium2
pages, document = [], pypdfium2.PdfDocument(sys.argv[1])
for number in range(len(document)):
    buffer = io.BytesIO()
    document[number].render(scale=150 / 72).to_pil().convert('RGB').save(buffer, 'JPEG', quality=75, dpi=(150, 150))
    pages.append(buffer.getvalue())
open(sys.argv[2], 'wb').write(img2pdf.convert(pages))
"""
PDFTOPPM = """
import glob, subprocess, sys, tempfile, img2pdf
with tempfile.TemporaryDirectory() as d:
    subprocess.run(['pdftoppm', '-r', '150', '-jpeg', sys.argv[1], d + '/p'], check=True)
    open(sys.argv[2], 'wb').write(img2pdf.convert(sorted(glob.glob(d + '/p*'))))
"""

# Written by the venv's Python: reportlab, Pillow and numpy are not asked of the Python that measures.
INPUTS = r"""
import io, math, pathlib, random, subprocess, sys
import img2pdf, numpy
from PIL import Image
from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

out, font = pathlib.Path(sys.argv[1]), sys.argv[2]
pdfmetrics.registerFont(TTFont('J', font))
R = random.Random(20261121)
WORDS = '市民課 住民票 転入届 戸籍 国民健康保険 介護保険 固定資産税 納付書 申請 添付書類 決裁 起案 総務部 情報政策課 危機管理 避難所 災害対策 補助金 交付要綱 議会 予算 決算 監査 入札 契約 仕様書 委託 業務 通知 照会 回答 依頼 報告 会議 資料 令和 年度 提出 期限 担当 係長 課長'.split()
ENDS = ['する。', 'します。', 'した。', 'のとおりです。', 'をお願いいたします。']

def sentence():
    return ''.join(R.choice(WORDS) + R.choice('のをにがはとで、') for _ in range(R.randint(6, 14))) + R.choice(ENDS)

def canvas(name, size=A4):
    # The default would write every stream in ASCII85, which flatters whoever rewrites it.
    c = Canvas(str(out / name), pagesize=size, pageCompression=1, invariant=1)
    return c

def text_page(c, number, lines=38):
    c.setFont('J', 16); c.drawString(60, 780, f'第{number}章 {R.choice(WORDS)}について')
    c.setFont('J', 10.5)
    flow = ''.join(sentence() for _ in range(60))
    rows = lines if number % 3 else lines - 14
    for row in range(rows):
        c.drawString(60, 750 - row * 17, flow[row * 44:row * 44 + 44])
    if not number % 3:
        c.setLineWidth(0.5)
        for row in range(10):
            for column in range(4):
                c.rect(60 + column * 118, 100 + row * 20, 118, 20)
                c.drawString(64 + column * 118, 106 + row * 20, R.choice(WORDS) + str(R.randint(1, 99999)))
    c.setFont('J', 9); c.drawCentredString(297, 40, f'- {number} -'); c.showPage()

def text(name, pages):
    c = canvas(name)
    for number in range(1, pages + 1):
        text_page(c, number)
    c.save()

def photo(wide, high, seed, quality=85):
    g = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:high, 0:wide].astype(numpy.float32)
    a = numpy.stack([127 + 90 * numpy.sin(x / 97 + y / 53 * k + seed) * numpy.cos(y / 211 / k) for k in (1.0, 1.3, 0.7)], -1)
    a += g.normal(0, 7, (high // 2 + 1, wide // 2 + 1, 3)).repeat(2, 0).repeat(2, 1)[:high, :wide]
    b = io.BytesIO(); Image.fromarray(a.clip(0, 255).astype(numpy.uint8)).save(b, 'JPEG', quality=quality)
    return b.getvalue()

def slides(name, pages):
    c = canvas(name, landscape(A4))
    for number in range(pages):
        c.linearGradient(0, 0, 842, 595, (Color(.93, .96, 1), Color(1, 1, 1)), extend=True)
        c.setFillColorRGB(.1, .25, .55); c.rect(0, 520, 842, 75, stroke=0, fill=1)
        c.setFillColorRGB(1, 1, 1); c.setFont('J', 30); c.drawString(40, 545, f'{number + 1}. {R.choice(WORDS)}の{R.choice(WORDS)}')
        c.setFillColorRGB(0, 0, 0); c.setFont('J', 18)
        for row in range(7):
            c.drawString(60, 470 - row * 42, '・' + sentence()[:24])
        c.setFillColor(Color(.9, .4, .1, alpha=.5)); c.circle(700, 200, 90, stroke=0, fill=1)
        c.setFillColor(Color(.1, .5, .3, alpha=.5)); c.roundRect(600, 90, 180, 110, 20, stroke=0, fill=1)
        if number % 3 == 0:
            c.drawImage(ImageReader(io.BytesIO(photo(1200, 900, number))), 520, 250, 280, 210)
        c.showPage()
    c.save()

def charts(name, pages):
    c = canvas(name)
    for number in range(pages):
        for part in range(3):
            base = 560 - part * 250
            c.setStrokeGray(.6); c.setLineWidth(.4)
            for line in range(11):
                c.line(60, base + line * 20, 540, base + line * 20)
            for series in range(5):
                c.setStrokeColorRGB(*(R.random() * .8 for _ in range(3))); c.setLineWidth(.8)
                p = c.beginPath(); level = 100.0; p.moveTo(60, base + level)
                for step in range(1, 600):
                    level = min(195, max(5, level + R.gauss(0, 4))); p.lineTo(60 + step * .8, base + level)
                c.drawPath(p)
            c.setFillGray(0); c.setFont('J', 8)
            for tick in range(12):
                c.drawString(60 + tick * 40, base - 12, f'{tick + 1}月')
            for bar in range(80):
                c.setFillColorRGB(.2, .4, .8, alpha=.4); c.rect(62 + bar * 6, base, 4, R.random() * 60, stroke=0, fill=1)
        c.showPage()
    c.save()

def scans():
    subprocess.run(['pdftoppm', '-r', '200', '-l', '5', str(out / 'text.pdf'), str(out / 'page')], check=True)
    photos, faxes = [], []
    for number, path in enumerate(sorted(out.glob('page*.ppm'))):
        g = numpy.random.default_rng(number)
        image = Image.open(path).rotate(.4, fillcolor='white', resample=Image.BICUBIC)
        a = numpy.asarray(image).astype(numpy.float32) * .92 + 8 + g.normal(0, 4, (image.height, image.width, 1)) + numpy.linspace(0, 9, image.width)[None, :, None] * numpy.array([1, .9, .6])
        b = io.BytesIO(); scanned = Image.fromarray(a.clip(0, 255).astype(numpy.uint8))
        if number % 2:
            scanned.paste(Image.open(io.BytesIO(photo(900, 600, number))), (300, 1500))
        scanned.save(b, 'JPEG', quality=85, dpi=(200, 200)); photos.append(b.getvalue())
        noisy = numpy.asarray(image.convert('L')).astype(numpy.float32) + g.normal(0, 30, (image.height, image.width))
        b = io.BytesIO(); Image.fromarray(((noisy > 128) * 255).astype(numpy.uint8)).convert('1', dither=Image.NONE).save(b, 'TIFF', compression='group4', dpi=(200, 200))
        faxes.append(b.getvalue()); path.unlink()
    (out / 'scan-photo.pdf').write_bytes(img2pdf.convert(photos))
    (out / 'scan-fax.pdf').write_bytes(img2pdf.convert(faxes))

text('text.pdf', 13)
text('one-page.pdf', 1)
text('long-1000.pdf', 1000)
slides('slides.pdf', 10)
charts('charts.pdf', 4)
scans()
"""


def tools_here(misogi, python, plain):
    """{name: command of (input, output, scratch)}, and why others are not there."""
    tools, missing = {}, []

    def add(name, command, *needs):
        lacking = [need for need in needs if not (has_module(python, need[7:]) if need.startswith("python:") else shutil.which(need))]
        if lacking:
            missing.append(f"{name} (no {', '.join(lacking)})")
        else:
            tools[name] = command

    own = lambda *more: lambda i, o, d: [misogi, "sanitize", i, "-o", d + "/out", "--json", *more]
    if pathlib.Path(misogi).exists():
        tools["misogi"] = own()
        tools["misogi, plain"] = own("--policy", plain)
    else:
        sys.exit(f"{misogi} does not exist; build it: cargo build --release")
    add("Dangerzone settings", lambda i, o, d: [python, "-c", DANGERZONE, i, o, DANGERZONE], "python:pymupdf")
    add("pdfium 150 + JPEG", lambda i, o, d: [python, "-c", PDFIUM, i, o], "python:pypdfium2", "python:img2pdf")
    add("pdftoppm 150 + JPEG", lambda i, o, d: [python, "-c", PDFTOPPM, i, o], "pdftoppm", "python:img2pdf")
    add("pdftocairo -pdf", lambda i, o, d: ["pdftocairo", "-pdf", i, o], "pdftocairo")
    add("gs pdfwrite", lambda i, o, d: ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-o", o, i], "gs")
    add("mutool draw -F pdf", lambda i, o, d: ["mutool", "draw", "-q", "-F", "pdf", "-o", o, i], "mutool")
    add("mutool clean -gggs", lambda i, o, d: ["mutool", "clean", "-gggs", i, o], "mutool")
    add("qpdf", lambda i, o, d: ["qpdf", "--warning-exit-0", "--object-streams=generate", i, o], "qpdf")
    return tools, missing


def has_module(python, name):
    return subprocess.run([python, "-c", f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{name}') is None)"]).returncode == 0


def tree_of(root):
    """Process ids of a process and all that descend from it."""
    children = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    children[int(stat.read().rsplit(")", 1)[1].split()[1])].append(int(entry))
            except (OSError, ValueError, IndexError):
                pass
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children[found[-1]]
    return found


def rss(pid):
    try:
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def run(command, core, limit):
    """Exit code, processor seconds, wall seconds, most bytes of one process, most bytes of the tree."""
    def pinned():
        os.setsid()
        os.sched_setaffinity(0, {core})
    environment = dict(os.environ, OMP_NUM_THREADS="1", LC_ALL="C.UTF-8")
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pinned, env=environment)
    over, most = threading.Event(), [0, 0]

    def watch():
        while not over.wait(0.01):
            sizes = [rss(pid) for pid in tree_of(child.pid)]
            most[0], most[1] = max(most[0], *sizes), max(most[1], sum(sizes))
            if time.monotonic() - start > limit:
                os.killpg(child.pid, signal.SIGKILL)
    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    over.set()
    watcher.join()
    return child.returncode, usage.ru_utime + usage.ru_stime, wall, max(most[0], usage.ru_maxrss * 1024), most[1]


def pages_of(path):
    told = subprocess.run(["qpdf", "--show-npages", "--warning-exit-0", path], capture_output=True, text=True)
    return int(told.stdout) if told.stdout.strip().isdigit() else 0


def convert(tool, source, options):
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
        out = pathlib.Path(scratch, "out.pdf")
        code, cpu, wall, largest, tree = run(tool(str(source), str(out), scratch), options.core, options.timeout)
        if not out.exists():
            out = next(pathlib.Path(scratch, "out").glob("*.pdf"), None) if pathlib.Path(scratch, "out").exists() else None
        done = code == 0 and out is not None and out.stat().st_size > 0
        return {"cpu": cpu, "wall": wall, "largest": largest, "tree": tree, "bytes": out.stat().st_size if done else 0, "done": done}


def table(title, pages, size, runs, names):
    print(f"\n{title}: {pages} pages, {size} bytes")
    print(f"  {'tool':22} {'pages/s':>8} {'CPU ms/page':>12} {'to misogi':>10} {'size':>7} {'largest MB':>11} {'tree MB':>8}")
    base = None
    for name in names:
        done = [one for one in runs.get(name, []) if one["done"]]
        if not done:
            print(f"  {name:22} failed" if runs.get(name) else f"  {name:22} not run")
            continue
        cpu = statistics.median(one["cpu"] for one in done) / pages
        base = base or cpu
        print(f"  {name:22} {1 / cpu:8.1f} {1000 * cpu:12.2f} {cpu / base:10.2f} {statistics.median(one['bytes'] for one in done) / size:7.2f} "
              f"{max(one['largest'] for one in done) / 2**20:11.0f} {max(one['tree'] for one in done) / 2**20:8.0f}")


def at_once(files, options, plain):
    """All files of a directory in one call: what a document costs where the program runs already."""
    for name, more in (("misogi", []), ("misogi, plain", ["--policy", plain])):
        with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
            command = [options.misogi, "sanitize", *map(str, files), "-o", scratch + "/out", "--json", *more]
            _, cpu, _, largest, tree = run(command, options.core, options.timeout * len(files))
            made = list(pathlib.Path(scratch, "out").glob("*.pdf"))
            pages = max(1, sum(pages_of(path) for path in made))
            print(f"  {name}, {len(files)} files in one call: {len(made)} made, {pages} pages, {1000 * cpu / pages:.2f} CPU ms/page, "
                  f"{1000 * cpu / max(1, len(made)):.1f} a file, largest {largest / 2**20:.0f} MB, tree {tree / 2**20:.0f} MB")


def slope(long, tools, options, names, scratch):
    """Processor time per page and memory as documents grow: flat when a document costs what its pages cost."""
    print(f"\nslope over {long.name} (one run each)")
    print(f"  {'tool':22} " + " ".join(f"{count:>6} pages: ms/page, MB" for count in options.slope))
    parts = {}
    for count in options.slope:
        parts[count] = scratch / f"first-{count}.pdf"
        subprocess.run(["qpdf", str(long), "--pages", ".", f"1-{count}", "--", str(parts[count])], check=True)
    for name in names:
        cells = []
        for count, part in parts.items():
            one = convert(tools[name], part, options)
            cells.append(f"{1000 * one['cpu'] / count:19.2f} {one['largest'] / 2**20:4.0f}" if one["done"] else f"{'failed':>24}")
        print(f"  {name:22} " + "  ".join(cells))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("paths", nargs="*", type=pathlib.Path, help="more PDF files, or directories of them; a directory is one table")
    arguments.add_argument("--misogi", default="target/release/misogi")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--core", type=int, default=0)
    arguments.add_argument("--timeout", type=float, default=120)
    arguments.add_argument("--tools", default="", help="names, semicolons between (default all); `misogi` is always first")
    arguments.add_argument("--venv", type=pathlib.Path, help="virtual environment with the Python packages (default: this Python)")
    arguments.add_argument("--install", action="store_true", help="make --venv and install " + " ".join(PACKAGES))
    arguments.add_argument("--inputs", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir(), "misogi-pdf-inputs"))
    arguments.add_argument("--font", help="TrueType font with Japanese (default: what fontconfig gives for IPAGothic)")
    arguments.add_argument("--slope", type=lambda text: [int(n) for n in text.split(",") if n], default=[100, 250, 500, 1000], help="page counts; empty: none")
    arguments.add_argument("--only-paths", action="store_true", help="only what is named on the command line")
    arguments.add_argument("--json", type=pathlib.Path, help="every single run, as JSON lines")
    options = arguments.parse_args()
    options.misogi = str(pathlib.Path(options.misogi).resolve())
    if options.install:
        if not options.venv:
            sys.exit("--install needs --venv DIR")
        subprocess.run([sys.executable, "-m", "venv", options.venv], check=True)
        subprocess.run([options.venv / "bin/pip", "install", "-q", *PACKAGES], check=True)
    python = str(options.venv / "bin/python") if options.venv else sys.executable
    if not shutil.which("qpdf"):
        sys.exit("needs qpdf")
    with tempfile.TemporaryDirectory(prefix="misogi-bench-") as scratch:
        scratch = pathlib.Path(scratch)
        plain = scratch / "plain.toml"
        plain.write_text("[pages]\ncompared = 0\n")
        tools, missing = tools_here(options.misogi, python, str(plain))
        wanted = [name.strip() for name in options.tools.split(";") if name.strip()]
        tools = {name: tool for name, tool in tools.items() if not wanted or name in wanted or name == "misogi"}
        if missing:
            print("left out: " + "; ".join(missing))
        groups, long = {}, None
        if not options.only_paths:
            if not (options.inputs / "scan-fax.pdf").exists():
                lacking = [name for name in ("reportlab", "img2pdf", "PIL", "numpy") if not has_module(python, name)]
                if lacking:
                    sys.exit(f"the inputs need {', '.join(lacking)}; use --venv DIR --install, or --only-paths with files of yours")
                font = options.font or subprocess.run(["fc-match", "-f", "%{file}", "IPAGothic:lang=ja"], capture_output=True, text=True).stdout
                options.inputs.mkdir(parents=True, exist_ok=True)
                subprocess.run([python, "-c", INPUTS, str(options.inputs.resolve()), font], check=True)
            made = sorted(options.inputs.glob("*.pdf"))
            long = next((path for path in made if path.name.startswith("long-")), None)
            groups = {path.name: [path] for path in made if path != long}
        for path in options.paths:
            groups[str(path)] = sorted(path.rglob("*.pdf")) if path.is_dir() else [path]
        turn, all_runs = 0, {}
        for number in range(options.rounds):
            for title, files in groups.items():
                for file in files:
                    names = list(tools)[turn % len(tools):] + list(tools)[:turn % len(tools)]
                    turn += 1
                    for name in names:
                        one = convert(tools[name], file, options)
                        all_runs.setdefault((title, file), {}).setdefault(name, []).append(one)
                        if options.json:
                            with open(options.json, "a") as lines:
                                lines.write(json.dumps({"file": str(file), "tool": name, "round": number, **one}) + "\n")
        print(f"median of {options.rounds} rounds on core {options.core}; load {os.getloadavg()[0]:.1f}")
        for title, files in groups.items():
            if len(files) == 1:
                table(title, max(1, pages_of(files[0])), files[0].stat().st_size, all_runs[title, files[0]], tools)
                continue
            # Over many files: only those that every tool converted, summed, so that no tool gains by refusing the heavy ones.
            shared = [file for file in files if all(any(one["done"] for one in all_runs[title, file].get(name, [])) for name in tools)]
            refused = {name: sum(not any(one["done"] for one in all_runs[title, file].get(name, [])) for file in files) for name in tools}
            summed = {name: [{"cpu": sum(statistics.median(one["cpu"] for one in all_runs[title, file][name] if one["done"]) for file in shared),
                              "bytes": sum(max(one["bytes"] for one in all_runs[title, file][name]) for file in shared),
                              "largest": max((one["largest"] for file in shared for one in all_runs[title, file][name]), default=0),
                              "tree": max((one["tree"] for file in shared for one in all_runs[title, file][name]), default=0), "done": bool(shared)}]
                      for name in tools}
            table(f"{title}, {len(shared)} of {len(files)} files (those that every tool converted)",
                  max(1, sum(pages_of(file) for file in shared)), max(1, sum(file.stat().st_size for file in shared)), summed, tools)
            print("  not converted: " + ", ".join(f"{name} {count}" for name, count in refused.items()))
            per_page = sorted(statistics.median(one["cpu"] for one in all_runs[title, file]["misogi"] if one["done"]) / max(1, pages_of(file)) for file in shared)
            sizes = sorted(max(one["bytes"] for one in all_runs[title, file]["misogi"]) / file.stat().st_size for file in shared)
            if shared:
                print(f"  misogi, median file: {1000 * statistics.median(per_page):.1f} ms/page, size {statistics.median(sizes):.2f}")
            at_once(files, options, str(plain))
        if long and options.slope:
            slope(long, tools, options, [name for name in tools if name in ("misogi", "misogi, plain", "pdftocairo -pdf", "qpdf")], scratch)


if __name__ == "__main__":
    main()
