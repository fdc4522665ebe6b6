using Xunit;

namespace Containers.Tests;

// What compares them; the listing itself is also a program's: Containers.TestHost.
internal static partial class TreeListing
{
    /// <summary>Fails with the lines that differ.</summary>
    public static void AssertEqual(string expected, string actual, bool times = true) => AssertEqual(Of(expected, times), Of(actual, times), $"{actual} is not as {expected}:");

    /// <summary>The same of listings that were made before.</summary>
    public static void AssertEqual(IReadOnlyList<string> expected, IReadOnlyList<string> actual, string title)
        => Assert.True(expected.SequenceEqual(actual), string.Join('\n', [
            title,
            .. expected.Except(actual).Take(20).Select(line => "- " + line),
            .. actual.Except(expected).Take(20).Select(line => "+ " + line)]));
}
