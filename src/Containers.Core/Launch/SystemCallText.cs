using System.Globalization;
using System.Text;
using Containers.Native;

namespace Containers.Launch;

/// <summary>A step as strace would print it. What an argument is follows from the call: a table, as strace has one.</summary>
internal static unsafe class SystemCallText
{
    // One letter an argument: d descriptor, s string, x number in hexadecimal, o octal mode, n number, v array of strings,
    // h struct open_how, p pointer to something else.
    private static readonly Dictionary<string, string> s_signatures = new()
    {
        ["prctl"] = "nn", ["ppoll"] = "pnp", ["close_range"] = "nnx", ["dup3"] = "dnx", ["setsid"] = "", ["umask"] = "o", ["mount"] = "sssxs",
        ["fsopen"] = "sx", ["fsconfig"] = "dnss", ["fsmount"] = "dxx", ["move_mount"] = "dsdsx", ["open_tree"] = "dsx", ["mount_setattr"] = "dsxp",
        ["openat"] = "dsxo", ["openat2"] = "dsh", ["mkdirat"] = "dso", ["unlinkat"] = "dsx", ["mknodat"] = "dsox", ["symlinkat"] = "sds", ["write"] = "dsn", ["chdir"] = "s",
        ["fchdir"] = "d", ["chroot"] = "s", ["pivot_root"] = "ss", ["umount2"] = "sx", ["sethostname"] = "sn", ["socket"] = "nxn", ["ioctl"] = "dxp",
        ["setgroups"] = "np", ["setns"] = "dx", ["unshare"] = "x", ["setresgid"] = "nnn", ["setresuid"] = "nnn", ["capset"] = "pp", ["rt_sigprocmask"] = "npp", ["rt_sigaction"] = "nppn", ["execve"] = "svv",
        ["faccessat"] = "dsn", ["execveat"] = "dsvvx", ["clone"] = "x", ["fchown"] = "dnn", ["sendmsg"] = "dpx", ["fcntl"] = "dnx", ["close"] = "d", ["futex"] = "pnn", ["seccomp"] = "nxp", ["landlock_create_ruleset"] = "pnx", ["landlock_add_rule"] = "dnpx", ["landlock_restrict_self"] = "dx",
    };

    public static string Describe(ref readonly StepProgram.Step step)
    {
        string name = SystemCall.NameOf(step.Call);
        string signature = s_signatures.GetValueOrDefault(name, "xxxxxx");
        StringBuilder text = new();
        text.Append(name).Append('(');
        for (int i = 0; i < signature.Length; i++)
        {
            text.Append(i > 0 ? ", " : "");
            long value = step.Args[i];
            text.Append((step.FromSlot >> i & 1) != 0 ? string.Create(CultureInfo.InvariantCulture, $"fd{value}") : Describe(signature[i], value));
        }

        text.Append(')');
        if (step.Save >= 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" = fd{step.Save}");
        }

        string tolerated = string.Join(' ', Tolerated(in step));
        return tolerated.Length > 0 ? text.Append("   # goes on after ").Append(tolerated).ToString() : text.ToString();
    }

    private static List<Errno> Tolerated(ref readonly StepProgram.Step step)
    {
        List<Errno> errnos = [];
        for (int i = 0; i < 4; i++)
        {
            if (step.Tolerated[i] != 0)
            {
                errnos.Add((Errno)step.Tolerated[i]);
            }
        }

        return errnos;
    }

    private static string Describe(char kind, long value) => kind switch
    {
        'd' => value == Kernel.AT_FDCWD ? "AT_FDCWD" : value.ToString(CultureInfo.InvariantCulture),
        's' => value == 0 ? "NULL" : Quote(CString.Read((byte*)value)),
        'o' => "0" + Convert.ToString(value, 8),
        'x' => value == 0 ? "0" : "0x" + value.ToString("x", CultureInfo.InvariantCulture),
        'v' => Array((byte**)value),
        'h' => OpenHow((Kernel.open_how*)value),
        'p' => value == 0 ? "NULL" : "{…}",
        _ => ((int)value).ToString(CultureInfo.InvariantCulture),
    };

    private static string OpenHow(Kernel.open_how* how)
        => string.Create(CultureInfo.InvariantCulture, $"{{flags=0x{how->flags:x}, resolve=0x{how->resolve:x}}}");

    private static string Array(byte** strings)
    {
        List<string> all = [];
        for (; *strings != null; strings++)
        {
            all.Add(Quote(CString.Read(*strings)));
        }

        return "[" + string.Join(", ", all) + "]";
    }

    private static string Quote(string text) => "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + "\"";
}
