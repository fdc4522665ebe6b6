using System.Globalization;
using System.Net;
using System.Text;

namespace Containers.Networking;

/// <summary>What resolv.conf(5) says: whom to ask, and how.</summary>
/// <param name="Nameservers">In the order of the file, three at most, as the C libraries have it.</param>
/// <param name="Search">Domains that short names are tried in.</param>
/// <param name="Options">As they are written: "ndots:2", "rotate".</param>
internal sealed record ResolvConf(IReadOnlyList<IPAddress> Nameservers, IReadOnlyList<string> Search, IReadOnlyList<string> Options)
{
    private const int MostNameservers = 3, DefaultTimeout = 5, LongestTimeout = 30, DefaultAttempts = 2, MostAttempts = 5;

    /// <summary>How long one server is waited for.</summary>
    public TimeSpan Timeout => TimeSpan.FromSeconds(Number("timeout:", DefaultTimeout, LongestTimeout));

    /// <summary>How many times each server is asked.</summary>
    public int Attempts => Number("attempts:", DefaultAttempts, MostAttempts);

    /// <summary>Whether the servers take turns at being the first.</summary>
    public bool Rotate => Options.Contains("rotate");

    /// <summary>Reads a file. One that is not there says what an empty one does: ask a server on this host.</summary>
    public static ResolvConf Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Parse("");
        }
    }

    /// <summary>Reads the text of a file. What is not understood is passed over, as the C libraries do.</summary>
    public static ResolvConf Parse(string text)
    {
        List<IPAddress> nameservers = [];
        List<string> options = [];
        IReadOnlyList<string> search = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || line[0] is '#' or ';')
            {
                continue;
            }

            switch (words[0])
            {
                case "nameserver" when nameservers.Count < MostNameservers && IPAddress.TryParse(words[1], out IPAddress? address):
                    nameservers.Add(address);
                    break;
                case "domain":
                    search = [words[1]]; // the last of the two kinds counts
                    break;
                case "search":
                    search = words[1..];
                    break;
                case "options":
                    options.AddRange(words[1..]);
                    break;
            }
        }

        return new ResolvConf(nameservers.Count > 0 ? nameservers : [IPAddress.Loopback], search, options);
    }

    /// <summary>The file for a container whose names are answered at the gateways' addresses.</summary>
    /// <param name="gateways">The addresses that answer.</param>
    /// <param name="search">The container's own domains; null for these, the host's.</param>
    /// <param name="options">The container's own options; null for these, the host's.</param>
    /// <param name="forwards">Whether other names than the network's are answered. Where they are not, the host's domains
    /// are left out: musl gives a short name up when it fails in one of them, and never tries it alone.</param>
    public string ForContainer(IEnumerable<IPAddress> gateways, IReadOnlyList<string>? search = null, IReadOnlyList<string>? options = null, bool forwards = true)
    {
        StringBuilder file = new();
        foreach (IPAddress gateway in gateways)
        {
            file.Append(CultureInfo.InvariantCulture, $"nameserver {gateway}\n");
        }

        Add("search", search ?? (forwards ? Search : []));
        Add("options", options ?? Options);
        return file.ToString();

        void Add(string keyword, IReadOnlyList<string> words)
        {
            if (words.Count > 0)
            {
                file.Append(keyword).Append(' ').AppendJoin(' ', words).Append('\n');
            }
        }
    }

    private int Number(string option, int usual, int most)
    {
        foreach (string text in Options.Reverse())
        {
            if (text.StartsWith(option, StringComparison.Ordinal) && int.TryParse(text.AsSpan(option.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                return Math.Clamp(number, 1, most);
            }
        }

        return usual;
    }
}
