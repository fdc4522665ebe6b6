using System.Globalization;

namespace Containers.Resources;

/// <summary>Numbers as the kernel lists processors and memory nodes: "0-3,6".</summary>
internal static class NumberList
{
    private const int Most = 65536;

    /// <exception cref="ArgumentException">It is no such list.</exception>
    public static SortedSet<int> Parse(string list, string name)
    {
        SortedSet<int> numbers = [];
        foreach (string part in list.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], out int first) || !TryNumber(ends[^1], out int last) || last < first)
            {
                throw new ArgumentException($"{name}: \"{list}\" is no list of numbers such as \"0-3,6\".", name);
            }

            numbers.UnionWith(Enumerable.Range(first, last - first + 1));
        }

        return numbers;

        static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < Most;
    }
}
