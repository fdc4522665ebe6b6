using System.Globalization;

namespace Containers;

/// <summary>Signals by name, as signal(7) numbers them on x86-64 and arm64.</summary>
internal static class Signals
{
    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    private const int FirstRealTime = 34, Last = 64; // as glibc counts: 32 and 33 are its own

    /// <summary>"SIGTERM", "TERM", "15" or "SIGRTMIN+3" as a number.</summary>
    public static int Parse(string signal)
    {
        if (int.TryParse(signal, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return number is >= 1 and <= Last ? number : throw Unknown(signal);
        }

        string name = signal.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        if (name.StartsWith("RTMIN", StringComparison.Ordinal) || name.StartsWith("RTMAX", StringComparison.Ordinal))
        {
            int offset = 0;
            bool valid = name.Length == 5 || int.TryParse(name.AsSpan(5), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out offset);
            number = (name[3] == 'I' ? FirstRealTime : Last) + offset;
            return valid && number is >= FirstRealTime and <= Last ? number : throw Unknown(signal);
        }

        number = Array.IndexOf(s_names, name);
        return number > 0 ? number : throw Unknown(signal);
    }

    /// <summary>"SIGTERM" for 15.</summary>
    public static string Name(int number)
        => number > 0 && number < s_names.Length ? "SIG" + s_names[number] : string.Create(CultureInfo.InvariantCulture, $"signal {number}");

    private static ContainerException Unknown(string signal)
        => new($"\"{signal}\" is no signal.", "A name such as SIGTERM, or a number from 1 to 64, is expected.");
}
