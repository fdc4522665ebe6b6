using System.Globalization;

namespace Containers.Benchmarks.Peers;

/// <param name="Runs">Measured runs of each contender.</param>
/// <param name="Json">A file for the figures.</param>
/// <param name="Pause">Milliseconds of rest before each run.</param>
/// <param name="Only">Names of contenders; empty for all.</param>
internal sealed record PeersOptions(int Runs, string? Json, int Pause, IReadOnlySet<string> Only)
{
    public const string Usage = "peers [--runs N] [--json FILE] [--pause MS] [--only NAME,NAME…]";

    public static PeersOptions Parse(string[] args)
    {
        PeersOptions options = new(200, null, 0, new HashSet<string>());
        for (int i = 0; i < args.Length; i += 2)
        {
            string value = i + 1 < args.Length ? args[i + 1] : throw new ArgumentException($"{args[i]} needs a value: {Usage}");
            options = args[i] switch
            {
                "--runs" => options with { Runs = int.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture) },
                "--json" => options with { Json = value },
                "--pause" => options with { Pause = int.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture) },
                "--only" => options with { Only = value.Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet() },
                _ => throw new ArgumentException($"{args[i]} is unknown: {Usage}"),
            };
        }

        return options;
    }

    public bool Wants(string name) => Only.Count == 0 || Only.Contains(name);
}
