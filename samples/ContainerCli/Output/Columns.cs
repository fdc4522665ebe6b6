using Spectre.Console;

namespace ContainerCli.Output;

/// <summary>A table as docker prints it: columns that line up, never wrapped, so that grep and awk can read it too.</summary>
internal sealed class Columns(params string[] titles)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Print()
    {
        int[] widths = [.. titles.Select((title, i) => _rows.Select(row => row[i].Length).Append(title.Length).Max())];
        Write(titles, widths, bold: !Console.IsOutputRedirected);
        foreach (string[] row in _rows)
        {
            Write(row, widths, bold: false);
        }
    }

    private static void Write(string[] cells, int[] widths, bool bold)
    {
        string line = string.Concat(cells.Select((cell, i) => cell.PadRight(widths[i] + 3))).TrimEnd();
        if (bold)
        {
            Screen.Data.Write(new Text(line + "\n", new Style(decoration: Decoration.Bold)) { Overflow = Overflow.Crop });
        }
        else
        {
            Console.Out.WriteLine(line);
        }
    }
}
