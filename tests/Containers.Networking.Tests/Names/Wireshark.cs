using System.Globalization;
using System.Text;
using Xunit;

namespace Containers.Tests.Names;

/// <summary>What tshark makes of messages: it knows nothing of how they were written.</summary>
internal static class Wireshark
{
    /// <summary>Fails when it finds anything wrong with a message; otherwise returns these fields, a line for each message.</summary>
    public static string[] Fields(IEnumerable<byte[]> messages, params string[] fields)
    {
        Requires.Tools("tshark", "text2pcap");
        using TestDirectory directory = new();
        File.WriteAllLines(directory["hex"], messages.Select(Dump));
        Tool.Run("text2pcap", "-q", "-u", "53,40000", directory["hex"], directory["pcap"]);
        Assert.Equal("", Tool.Run("tshark", "-r", directory["pcap"], "-Y", "_ws.malformed || _ws.expert.severity == error || !dns", "-V"));
        return Tool.Run("tshark", ["-r", directory["pcap"], "-T", "fields", .. fields.SelectMany(field => (string[])["-e", field])])
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Dump(byte[] message)
    {
        StringBuilder text = new();
        for (int i = 0; i < message.Length; i += 16)
        {
            text.Append(CultureInfo.InvariantCulture, $"{i:x6} ").AppendJoin(' ', message.Skip(i).Take(16).Select(value => value.ToString("x2", CultureInfo.InvariantCulture))).Append('\n');
        }

        return text.ToString();
    }
}
