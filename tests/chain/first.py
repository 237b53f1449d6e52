from web_lab import *
import sys
with WebLab() as lab:
    p = lab.deploy("1.0", expect=None)
    print(p.returncode, p.stdout, p.stderr)
    print(lab.live())
    p = lab.deploy("2.0", expect=None)
    print(p.returncode, p.stdout, p.stderr)
    print(lab.live())
    l = lab.load(seconds=10)
    import time
    d = lab.start("deploy", lab.plan, "--release", "3.0")
    until(lambda: lab.live()=="3.0")
    time.sleep(0.1)
    lab.control(sys.argv[1] if len(sys.argv) > 1 else "blue", "/fail?percent=100")
    print(d.communicate()[0], d.returncode)
    print(lab.load_end(l))
    print(lab.live())
    print(lab.run("report").stdout)
